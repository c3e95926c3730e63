"""Which copy of a lost sign state a person may carry forward, and what proves it. Pure.

A run never writes a sign state; the words here are for people. A copy is proposed only where it is
proven that nothing the key signed above it can come again:

1. It is a sign state, not zero, of this chain, and at most one height above the newest block. A
   higher one belongs to another chain, or to blocks that nobody sees.
2. It is this key's: its signature verifies with the key of the validator set, whose hash the
   address is; or a step of ours kept it for this address where root alone can write.
3. The highest of those stands at least where the chain saw the key sign last: in commits, in votes,
   by its count of missed blocks.
4. What the key signed and nobody shows (a vote that no commit has) is past: the newest block is
   dated later than the unit went down, so the block before it was still undecided then, and the key
   cannot have voted above that. Or the copy was kept by our own step after the unit was down: then
   it is the last that was signed there.

Whoever went down with the last block of a halt may have voted at the next height, and nobody shows
it: 4 holds there for what our own step kept alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from shlex import quote

from msgspec import UNSET

from remediations.playbooks.chain.diagnose.context import ChainContext
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.render.formats import format_moment, name_some
from remediations.systems.comet.proof.keys import PublicKey, key_of
from remediations.systems.comet.proof.protobuf import Malformed, base64_bytes
from remediations.systems.comet.state_copies import StateCopies, StateCopy
from remediations.values.reading import Unknown, value_or_none

CLOCKS = timedelta(seconds=10)
"""By how much the clocks of validators and of this host may differ beyond what was measured."""
_SHOWN = 6
"""Copies that are named in one sentence."""


@dataclass(frozen=True)
class _Judged:
    """One copy: `wrong` says why it is not to be used whatever is proven of the others."""

    copy: StateCopy
    wrong: str

    @property
    def told(self) -> str:
        """Which, and what is wrong with it."""
        return f"{self.copy.path} ({self.wrong})"


def carry_forward(view: NodeView, context: ChainContext) -> str:
    """What to do about the lost sign state of this node: the copy that is proven and the command
    that puts it in place, or which proof is missing; "" where its host was not looked through."""
    reading = view.reading.state_copies
    if reading is UNSET:
        return ""
    if isinstance(reading, Unknown):
        return (
            f"{_NEVER} The copies on its host could not be read ({reading.reason}), so none is "
            f"proven. `remediate diagnose` again. {_WAIT}"
        )
    found = reading.value
    if not context.witnesses:
        return _unjudged(found.copies)
    judged = tuple(_Judged(copy, _wrong(copy, view, context)) for copy in found.copies)
    good = sorted((one.copy for one in judged if not one.wrong), key=lambda copy: copy.hrs)
    if not good:
        none = "no copy of its sign state on its host is one" if judged else "its host has no copy"
        looked = f"{_state_file(view)}*, data-backup-*, /var/lib/remediate/evidence"
        return f"{_NEVER} No copy is proven: {none} ({looked}). {_others(judged)}{_WAIT}"
    newest = good[-1]
    lower = tuple(_Judged(c, f"older, {_slashed(c)}") for c in good[:-1] if c.hrs < newest.hrs)
    others = _others((*lower, *(one for one in judged if one.wrong)))
    proof, missing = _past(newest, found, view, context)
    if missing:
        return (
            f"{_NEVER} No copy is proven. The newest that can be its own is {newest.path} "
            f"({_slashed(newest)}); what is missing: {missing}. {others}{_WAIT}"
        )
    return (
        f"{_NEVER} Carry {newest.path} ({_slashed(newest)}) forward: it is proven to be the newest "
        f"known: {proof}. On {view.host}: `{_command(newest, view)}` (what is there now stays "
        f"beside it). {others}Then `remediate diagnose`."
    )


_NEVER = "Do not start it as it is: it could sign twice."
_WAIT = (
    "Never a zero state, never a guessed one. Leave it out of the start, and diagnose again when "
    "the others have made two more blocks: what it signed unseen is past then. If no copy is ever "
    "proven, this key does not sign again: a new validator with a new key takes its place."
)


def _unjudged(copies: Sequence[StateCopy]) -> str:
    """No node answers: nothing tells where the chain stands, nor whose signature one is."""
    states = [copy for copy in copies if copy.hrs[0]]
    told = name_some([f"{c.path} ({_slashed(c)})" for c in states], _SHOWN) or "none"
    return (
        f"{_NEVER} No copy can be proven while no node answers (on its host: {told}). Bring the "
        f"others back first, then `remediate diagnose`. {_WAIT}"
    )


def _wrong(copy: StateCopy, view: NodeView, context: ChainContext) -> str:
    """1 and 2: why it is nothing to carry forward; "" if it may be."""
    state = copy.state
    if state is None:
        return copy.odd
    if not state.height:
        return "zero"
    if state.height > context.tip + 1:
        return f"{_slashed(copy)} is above the chain, which is at {context.tip}"
    if copy.kept_for:
        ours = copy.kept_for == view.address
        return "" if ours else f"kept for the key {copy.kept_for}, which is another one"
    if state.chain_id is UNSET:
        return f"{_slashed(copy)} without signed bytes: nobody can tell whose it is"
    network = _network(context)
    if state.chain_id != network:
        return f"it is of the chain {state.chain_id}" if network else "no node tells the chain's id"
    key = _public_key(view.address, context)
    if key is None:
        return "no node shows the public key with which its signature could be verified"
    if not _signed_by(key, copy):
        return "its signature is not this key's"
    return ""


def _past(
    copy: StateCopy, found: StateCopies, view: NodeView, context: ChainContext
) -> tuple[str, str]:
    """3 and 4: the proof in words, or which one is missing."""
    mark = context.marks.get(view.address)
    if mark is None:
        return "", (
            "the chain does not tell what this key signed last (no commit, no vote, and no count "
            "of missed blocks shows it)"
        )
    if copy.hrs < mark:
        return "", f"the chain saw it sign {mark[0]}, so a newer copy must have been there"
    whose = "a step of ours kept it" if copy.kept_for else "its signature is this key's"
    proof = (
        f"{whose}; no commit and no vote up to {context.tip} that was read, nor the chain's count "
        f"of missed blocks, shows a signature of it above {copy.hrs[0]}"
    )
    down = _down_since(found, view)
    if down is None:
        return "", "whether its process has ended is not known"
    if copy.kept_after_stop and copy.modified - view.clock >= down - timedelta(seconds=1):
        return f"{proof}; and it was kept when the unit was down: nothing newer was signed here", ""
    newest = _newest_block(context)
    if newest is None or newest <= down + CLOCKS:
        return "", (
            f"its unit went down at {format_moment(down)}, and no block since then shows that the "
            f"height {context.tip + 1}, at which it may have voted unseen, is past"
        )
    return (
        f"{proof}; and its unit was down ({format_moment(down)}) before block {context.tip} was "
        f"made ({format_moment(newest)}), so what it signed unseen is of heights that are past",
        "",
    )


def _down_since(found: StateCopies, view: NodeView) -> datetime | None:
    """The latest time at which its process can have ended, by our clock; None while one may run. A
    unit that did not run since the boot was down by then."""
    if view.unit is None or not view.down:
        return None
    return (view.unit.inactive_since or found.booted) - view.clock


def _believed(context: ChainContext) -> list[NodeView]:
    return [v for host, v in context.holders.items() if host not in context.doubts and v.answers]


def _newest_block(context: ChainContext) -> datetime | None:
    """When the newest block was made, by the clocks of those that signed the one before."""
    times = [
        s.block_time for v in _believed(context) for s in v.statuses if s.height == context.tip
    ]
    return min(times, default=None)


def _network(context: ChainContext) -> str:
    names = {status.network for view in _believed(context) for status in view.statuses}
    return names.pop() if len(names) == 1 else ""


def _public_key(address: str, context: ChainContext) -> PublicKey | None:
    """The key whose hash the address is, as a node shows it in the validator set."""
    for view in _believed(context):
        members = value_or_none(view.reading.chain.validators)
        for validator in members.validators if members is not None else ():
            if validator.address != address:
                continue
            try:
                key = key_of(validator)
                if key.address == address:
                    return key
            except Malformed:
                continue
    return None


def _signed_by(key: PublicKey, copy: StateCopy) -> bool:
    """Whether the key made its signature over its bytes: all but the chain's id, height and round
    of a copy that fails is somebody's word."""
    try:
        message, signature = bytes.fromhex(copy.sign_bytes), base64_bytes(copy.signature)
    except (Malformed, ValueError):
        return False
    return key.signed(message, signature)


def _command(copy: StateCopy, view: NodeView) -> str:
    """Puts the numbers of the copy in place, as the account that the daemon runs as, and keeps what
    is there. The file itself is not read again: root would follow whatever that account has put
    there since. Without the signed bytes CometBFT refuses to sign the same step again, which is
    safe."""
    user = view.unit.user if view.unit is not None else "root"
    height, round_, step = copy.hrs
    text = json.dumps({"height": str(height), "round": round_, "step": step})
    to = quote(_state_file(view))
    place = f"umask 077; [ ! -e {to} ] || mv --backup=numbered {to} {to}.lost; cat >{to}"
    return f"echo {quote(text)} | sudo -u {quote(user)} sh -c {quote(place)}"


def _state_file(view: NodeView) -> str:
    return view.reading.sign_state.source


def _others(judged: tuple[_Judged, ...]) -> str:
    return f"Not these: {name_some([one.told for one in judged], _SHOWN)}. " if judged else ""


def _slashed(copy: StateCopy) -> str:
    return "/".join(map(str, copy.hrs))
