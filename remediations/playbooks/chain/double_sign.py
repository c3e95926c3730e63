"""double-sign: a key signs twice, or lies on two hosts where it could.

Exactly the holders that have to go are stopped and held; which one may go on is proven by sign
states (`holders.py`), and where it is not, nobody goes on: a validator that is stopped comes back,
one that is tombstoned never does (docs/double-sign.md). Nothing is started here. Whoever was held
is let go by node-down, with all the guards of a start, once its key is on no other host.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from remediations.engine.domain import Branch, Input, Move, Playbook, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.chain.actions import HOLD_DUPLICATE
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.copies import parse_yes
from remediations.playbooks.chain.diagnose.explain import SECOND_HOLDER
from remediations.playbooks.chain.finding import Tristate
from remediations.playbooks.chain.gates import GoesOnWithout
from remediations.playbooks.chain.guards.duplicate import (
    keeps_the_newest,
    told_by_more_than_one,
)
from remediations.playbooks.chain.holders import ACCEPT_HALT, KEEP, NONE, Holder, SharedKey
from remediations.playbooks.chain.restart import CHECKS, HELD_DOWN, SIGNS_ONCE
from remediations.playbooks.chain.rounds import round_timeout_s
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some, short_digest
from remediations.systems.comet.quorum import has_quorum
from remediations.values.part import Part

STOPPED_TIMEOUT_S = 30
"""For one look at nodes that are down already."""
_ALWAYS = frozenset({"P1", "P2", "P3", "P4", "P10", "P12", "P13", "I13"})
"""The checks that hold while blocks go on, whatever becomes of the key's power."""
_POWER = frozenset({"P8", "P9", "P11"})
"""Those that fail if the power of a validator is lost: because it is stopped, or because it is
punished for what was signed before."""
_NO_EVIDENCE = "P5"
_HOST = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def parse_host(text: str) -> str:
    """The name of a host that people choose, or `none`.

    Raises:
        ValueError: it is no name.
    """
    if not _HOST.fullmatch(text):
        raise ValueError(f"a host of the inventory, or `{NONE}`")
    return text


KEEP_INPUT = Input(
    name=KEEP,
    metavar="HOST",
    help="the holder of the key that goes on; `none` stops all of them. Refused where its sign "
    "state is not the newest",
    parse=parse_host,
)
ACCEPT_HALT_INPUT = Input(
    name=ACCEPT_HALT,
    metavar="yes",
    help="accept that the chain halts without what is stopped: a halt ends, a tombstoned validator "
    "never comes back",
    parse=parse_yes,
)


def _stopped(chain: ChainSituation, key: SharedKey) -> tuple[Holder, ...]:
    """The holders of this key that are acted on."""
    return tuple(one for one in key.stops if one.host in chain.only or not chain.only)


def _fits(chain: ChainSituation) -> str | None:
    keep = chain.inputs.get(KEEP, NONE)
    if not chain.shared_keys:
        return "no key has a second holder that could sign, and none signs twice now"
    holders = {holder.host for key in chain.shared_keys for holder in key.holders}
    if keep != NONE and keep not in holders:
        return f"--{KEEP} {keep} holds none of these keys: {name_some(sorted(holders))} do"
    if not any(_stopped(chain, key) for key in chain.shared_keys):
        return "no host that was asked for has to be stopped"
    return None


def _propose(chain: ChainSituation) -> Proposal[ChainSituation]:
    keys = [key for key in chain.shared_keys if _stopped(chain, key)]
    acting = frozenset(one.host for key in keys for one in _stopped(chain, key))
    return Proposal(
        title="; ".join(_title(chain, key) for key in keys),
        stages=tuple(_stage(chain, key, acting) for key in keys),
        checks=tuple(_checks(chain, keys)),
        risk=_risk(chain, keys),
        worst_case=_worst(chain, keys),
        warnings=tuple(warning for key in keys for warning in _warnings(chain, key)),
    )


def _title(chain: ChainSituation, key: SharedKey) -> str:
    names = name_some([one.host for one in _stopped(chain, key)])
    which = f"the key {short_digest(key.address)} ({key.power} power)"
    if key.goes_on:
        return f"stop and hold {names}: {key.goes_on} goes on with {which}"
    if len(key.holders) < 2 and key.twice:
        return f"stop and hold {names}: {which} signs twice, and its second holder is not known"
    return f"stop and hold {names}: nobody goes on with {which}"


def _stage(
    chain: ChainSituation, key: SharedKey, acting: frozenset[str]
) -> StageDraft[ChainSituation]:
    hosts = tuple(one.host for one in _stopped(chain, key))
    verb = "hold" if not any(one.runs for one in _stopped(chain, key)) else "stop and hold"
    on = _goes_on(chain, acting)
    timeout = round_timeout_s(chain.finding.round) if on else STOPPED_TIMEOUT_S
    height = chain.finding.height if on else 0
    title = f"{name_some(hosts)} {'does' if len(hosts) == 1 else 'do'} not answer"
    if on:
        title += f", and a block above {height} comes without {'it' if len(hosts) == 1 else 'them'}"
    goes_on, why = key.decision
    return StageDraft(
        title=f"{verb} {name_some(hosts)}",
        why=f"{goes_on or 'nobody'} goes on: {why} ({key.details})",
        moves=tuple(Move(HOLD_DUPLICATE, host) for host in hosts),
        gate=Gate(
            title=title,
            timeout_s=timeout,
            asks=Part.of(GoesOnWithout(stopped=hosts, hosts=on, height=height)),
        ),
    )


def _goes_on(chain: ChainSituation, acting: frozenset[str]) -> tuple[str, ...]:
    """The validators of which a block is expected afterwards; none in a halt, or where the stop is
    one."""
    if chain.finding.halted is not Tristate.NO or _halts(chain):
        return ()
    kept = {key.goes_on for key in chain.shared_keys}
    seen = set(chain.finding.witnesses)
    return tuple(
        node.host
        for node in chain.finding.nodes
        if node.power
        and node.host in seen
        and node.host not in acting
        and (node.condition is NodeCondition.HEALTHY or node.host in kept)
    )


def _lost(keys: Sequence[SharedKey]) -> int:
    """The power that does not vote any more."""
    voting = [key for key in keys if not key.keeps_signing and any(h.runs for h in key.stops)]
    return sum(key.power for key in voting)


def _halts(chain: ChainSituation) -> bool:
    """Whether what is stopped leaves two thirds or less of the power."""
    online, total = chain.finding.online_power, chain.finding.total_power
    left = online - _lost(chain.shared_keys)
    return has_quorum(online, total) and not has_quorum(left, total)


def _risk(chain: ChainSituation, keys: Sequence[SharedKey]) -> Risk:
    if _halts(chain):
        return Risk.HIGH
    return Risk.MEDIUM if _lost(keys) else Risk.LOW


def _worst(chain: ChainSituation, keys: Sequence[SharedKey]) -> str:
    if _halts(chain):
        return "the chain halts until power is back; no sign state and no log is changed"
    if lost := _lost(keys):
        return (
            f"{lost} power stays missing until people have compared the sign states and let one "
            "holder go; no sign state and no log is changed"
        )
    return "what is held stays down until people let it go; whoever goes on is not touched"


def _checks(chain: ChainSituation, keys: Sequence[SharedKey]) -> Iterator[PlannedCheck]:
    """A key that signs twice may be punished any moment for what was signed before the stop: what
    its validator has is not promised then, nor that no evidence comes."""
    if not _goes_on(chain, frozenset()):
        yield HELD_DOWN
        return
    punished = any(key.twice and key.power for key in keys)
    wanted = _ALWAYS
    if not punished and not _lost(keys):
        wanted |= _POWER
    if not punished and not any(key.out for key in keys):
        wanted |= {_NO_EVIDENCE}
    yield from (check for check in CHECKS if check.id in wanted)
    yield HELD_DOWN
    yield SIGNS_ONCE


def _warnings(chain: ChainSituation, key: SharedKey) -> Iterator[str]:
    if key.twice and key.power:
        yield (
            f"{short_digest(key.address)}: what it signed twice until now cannot be taken back; if "
            "evidence of it is in a block, the validator is slashed and tombstoned all the same"
        )
    if len(key.holders) < 2 and key.twice:
        yield (
            f"{name_some([h.host for h in key.holders])}: the second holder may still run; find it "
            "(an old machine, a standby, a restored backup, a second signer) before this one is "
            "let go"
        )
    if not key.goes_on and len(key.holders) > 1:
        yield (
            f"nobody goes on with {short_digest(key.address)}. The way back: carry the newest sign "
            "state to the host that is to sign, move the key away from all others, then `remediate "
            "plan node-down --limit HOST` (docs/double-sign.md)"
        )
    for holder in key.stops:
        signer = chain.observation.host(holder.host).config
        remote = getattr(getattr(signer, "value", None), "remote_signer", "")
        if remote:
            yield f"{holder.host}: its signer at {remote} is not stopped; it may serve another node"


PLAYBOOK = Playbook(
    id=SECOND_HOLDER,
    title="Suspected double sign",
    alerts=("DoubleSign",),
    branches=(
        Branch(
            name="stop-duplicate",
            title="A key has a second holder: stop and hold all but the one that may go on",
            condition="a key signs twice, or lies on two hosts and is not held on all but one",
            fits=_fits,
            propose=_propose,
            invariants=(keeps_the_newest, told_by_more_than_one),
            inputs=(KEEP_INPUT, ACCEPT_HALT_INPUT),
        ),
    ),
)
