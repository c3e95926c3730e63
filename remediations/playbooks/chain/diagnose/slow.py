"""Why blocks come slowly, as far as readings tell: each cause with its step (docs/slow-blocks.md).

A block is late where the proposal of its first round does not arrive, and the next proposer gets
its turn after a time limit; where votes come late; where the time of a block waits for a clock; or
where every node takes long to execute it. The first three are named here, with the host; and what
hosts are short of (diagnose/pressed.py), which makes nodes late that are well. Where no reading
names a cause, the finding says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remediations.playbooks.chain.diagnose.clocks import Clocks
from remediations.playbooks.chain.diagnose.commits import Commits
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.pace import block_interval
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.diagnose.pressed import full_mempools, pressed
from remediations.render.formats import count_of, name_some, short_digest
from remediations.systems.comet.values import BlockMeta
from remediations.values.reading import value_or_none

_TURNS = 2
"""So many turns in the blocks that were read are expected of a proposer before their absence says
something."""


@dataclass(frozen=True)
class SlowCause:
    """One cause in a phrase, and what a person does about it."""

    says: str
    step: str


def slow_causes(
    views: Sequence[NodeView],
    witnesses: Sequence[NodeView],
    power: Power,
    clocks: Clocks,
    commits: Commits,
) -> tuple[SlowCause, ...]:
    """The causes that readings name, the likeliest first; none where they name none."""
    blocks = _newest_blocks(witnesses)
    return (
        *_missing_proposals(blocks, power),
        *_late_rounds(witnesses, commits),
        *_missing_votes(power, commits),
        *_pressed_hosts(views, power),
        *_wrong_clocks(views, power, clocks),
    )


def slow_reason(witnesses: Sequence[NodeView], causes: Sequence[SlowCause]) -> tuple[str, str]:
    """Why blocks come far apart while every node is well, and what a person does: "" where no
    reading names a cause."""
    interval = block_interval(witnesses)
    why = f"a block takes {interval.total_seconds():.1f} s" if interval is not None else "slow"
    if not causes:
        return f"{why}; no reading names a cause: all vote in time", ""
    says = "; ".join(cause.says for cause in causes)
    return f"{why}: {says}", "; ".join(dict.fromkeys(cause.step for cause in causes))


def _newest_blocks(witnesses: Sequence[NodeView]) -> tuple[BlockMeta, ...]:
    """The newest headers that one witness shows, of which every proposer is known."""
    best: tuple[BlockMeta, ...] = ()
    for view in witnesses:
        told = value_or_none(view.reading.chain.blocks) or ()
        known = tuple(one for one in told if one.height > 1 and one.proposer)
        if (len(known), _tip(known)) > (len(best), _tip(best)):
            best = known
    return best


def _tip(blocks: Sequence[BlockMeta]) -> int:
    return max((one.height for one in blocks), default=0)


def _missing_proposals(blocks: Sequence[BlockMeta], power: Power) -> Iterator[SlowCause]:
    """Proposers get their turns in proportion to their power. Who has none of them, or less than
    half, let its turns pass: each of them costs the time limit of a proposal."""
    if not power.known or not blocks:
        return
    made = Counter(one.proposer for one in blocks)
    for address, own in sorted(power.powers.items(), key=lambda one: (-one[1], one[0])):
        turns = len(blocks) * own // power.total
        if turns < _TURNS or 2 * made[address] >= turns:
            continue
        who = _who(power, address)
        yield SlowCause(
            f"{who} proposed {made[address]} of the last {count_of(len(blocks), 'block')}, and "
            f"about {turns} were its turn",
            f"{who}: bring it back if it is down or frozen; else look at its CPU, disk, memory and "
            "links (`systemctl status`, `/proc/pressure/*`): its proposals come too late",
        )


def _late_rounds(witnesses: Sequence[NodeView], commits: Commits) -> Iterator[SlowCause]:
    """Blocks that took more than one round, and a round that is under way now."""
    late = {one.height: one.round for one in commits.all if one.round > 0}
    for view in witnesses:
        for state in view.rounds:
            if state.round > 0:
                late[state.height] = max(state.round, late.get(state.height, 0))
    if late:
        told = [f"block {height} takes round {number}" for height, number in sorted(late.items())]
        yield SlowCause(
            f"{name_some(told, 3)}: the rounds before passed without a block",
            "find out whose proposals do not arrive (above, or `journalctl` of a witness: "
            "`Timed out` and the proposer); bring that node back",
        )


def _missing_votes(power: Power, commits: Commits) -> Iterator[SlowCause]:
    """Power that is in no commit that was read: the rest has to be there completely, and waits for
    its slowest."""
    voted = {s.address for one in commits.all for s in one.signatures if s.voted}
    missing = [address for address in power.powers if address not in voted]
    if not commits.all or not missing:
        return
    names = name_some([_who(power, address) for address in missing], 4)
    yield SlowCause(
        f"the precommits of {names} are in no commit that was read",
        f"bring back {names}: until then each block waits for all the others",
    )


def _pressed_hosts(views: Sequence[NodeView], power: Power) -> Iterator[SlowCause]:
    """What hosts with power are short of, most power first, and what waits in mempools."""
    with_power = [view for view in views if power.of(view.address)]
    for view in sorted(with_power, key=lambda v: (-power.of(v.address), v.host)):
        for says, step in pressed(view):
            yield SlowCause(f"{view.host} ({power.of(view.address)} power): {says}", step)
    for says, step in full_mempools(views):
        yield SlowCause(says, step)


def _wrong_clocks(views: Sequence[NodeView], power: Power, clocks: Clocks) -> Iterator[SlowCause]:
    off = [v for v in views if v.host in clocks.off and power.of(v.address)]
    if off:
        names = name_some([f"{view.host} ({clocks.says(view.host)})" for view in off], 4)
        yield SlowCause(
            f"wrong clocks: {names}; blocks get their time from the votes",
            f"mend the time service on {name_some([view.host for view in off], 4)} (`timedatectl`)",
        )


def _who(power: Power, address: str) -> str:
    hosts = power.holders.get(address)
    return f"{' and '.join(hosts) if hosts else short_digest(address)} ({power.of(address)} power)"
