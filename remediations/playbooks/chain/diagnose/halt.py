"""Whether the chain is halted (docs/diagnosis.md#halted). It is, if all of this holds:

1. The newest block of every witness is older than the chain's limit.
2. No height rose between the samples.
3. Two nodes say so; one suffices if validators that can halt the chain are seen down.
4. The nodes that say so, and the validators that are seen down, hold more than 1/3 of the power
   (if the powers are known).

5. Or, before that limit is over: validators that can halt the chain are seen down on their own
   hosts, so no block can come, and none has come for long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from remediations.engine.find.finding import Evidence
from remediations.playbooks.chain.diagnose.node_view import READ_APART, NodeView
from remediations.playbooks.chain.diagnose.pace import overdue
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.finding import Tristate
from remediations.systems.comet.proof.commit import ProvenBlock
from remediations.systems.comet.quorum import can_halt
from remediations.systems.comet.rpc_envelope import time_of
from remediations.values.reading import value_or_none

_FUTURE = timedelta(seconds=10)
"""Clocks may differ by so much (G37); a block from further ahead has a wrong time, or we do."""


@dataclass(frozen=True)
class Halt:
    """The answer, with its reason in a phrase; `tip` is the highest block, `newest` its time."""

    answer: Tristate
    tip: int
    newest: datetime | None
    age_s: int
    reason: str
    evidence: tuple[Evidence, ...]


def read_halt(
    witnesses: Sequence[NodeView],
    power: Power,
    down: frozenset[str],
    limit_s: int,
    ours: timedelta = timedelta(),
    proven: ProvenBlock | None = None,
) -> Halt:
    """The answer of all witnesses; `down` are the addresses whose host is certainly down, `ours` is
    how far the hosts' clocks are ahead of ours where ours is the wrong one, and `proven` the newest
    block whose signatures were verified."""
    if not witnesses:
        return Halt(Tristate.UNKNOWN, 0, None, 0, "no node answers for the chain", ())
    tip = max(view.height for view in witnesses)
    ages = {view.host: _age(view) + ours for view in witnesses}
    limit = timedelta(seconds=limit_s)
    stale = [view for view in witnesses if ages[view.host] > limit]  # 1
    newest = max(s.block_time for v in witnesses for s in v.statuses)
    age_s = max(0, int(min(ages.values()).total_seconds()))
    evidence = tuple(
        e
        for view in sorted(witnesses, key=lambda v: (-v.height, v.host))[:3]
        for e in view.status_evidence(
            f"height {view.height}, last block {max(0, int(ages[view.host].total_seconds()))} s old"
        )
    )
    if min(ages.values()) < -_FUTURE and not any(view.rises for view in witnesses):
        # Its age is not known, so it is not "0 s old", and nothing shows that blocks come.
        ahead = -int(min(ages.values()).total_seconds())
        answer = Tristate.UNKNOWN
        reason = f"the newest block has a time {ahead} s ahead of this machine's clock"
    elif len(stale) < len(witnesses):
        answer, reason = _going_on(witnesses, stale, tip, _fresh(witnesses, proven, limit - ours))
    else:
        answer, reason = _standing(stale, power, down, tip)
    lost = power.sum(down)
    early = answer is Tristate.NO and power.known and can_halt(lost, power.total)
    if early and overdue(witnesses, tip, min(ages.values())):  # 5
        answer = Tristate.YES
        reason = f"{lost} of {power.total} power is read as down, so no block can come"
    return Halt(answer, tip, newest, age_s, reason, evidence)


def _age(view: NodeView) -> timedelta:
    """The age of the node's newest block when it was asked."""
    sample, status = view.newest, view.status
    assert sample is not None
    assert status is not None
    return sample.at - status.block_time


def _fresh(
    witnesses: Sequence[NodeView], proven: ProvenBlock | None, limit: timedelta
) -> ProvenBlock | None:
    """The proven block, if it was younger than `limit` by our clock when the nodes were asked."""
    asked = max(view.newest.at for view in witnesses if view.newest is not None)
    if proven is None or asked - time_of(proven.time) > limit:
        return None
    return proven


def _going_on(
    witnesses: Sequence[NodeView],
    stale: Sequence[NodeView],
    tip: int,
    proven: ProvenBlock | None,
) -> tuple[Tristate, str]:
    """A node has a fresh block: the chain goes on if another one confirms that, or signatures."""
    old = {view.host for view in stale}
    confirming = sum(1 for view in witnesses if view.host not in old or _sees(view, tip))
    if confirming < 2 and proven is not None:
        signed = f"{proven.signed} of {proven.total} power signed it"
        return Tristate.NO, f"block {proven.height} is fresh, and {signed}"
    if confirming < 2:
        return Tristate.UNKNOWN, "only one node shows fresh blocks; a second witness is needed"
    return Tristate.NO, f"{confirming} nodes show or see fresh blocks"


def _sees(view: NodeView, tip: int) -> bool:
    """Whether one of the node's peers is near the tip."""
    rounds = value_or_none(view.reading.chain.peer_rounds) or ()
    return any(peer.height >= tip - READ_APART for peer in rounds)


def _standing(
    stale: Sequence[NodeView], power: Power, down: frozenset[str], tip: int
) -> tuple[Tristate, str]:
    """No node has a fresh block: halted, if nothing rises and enough power says so."""
    rising = [view for view in stale if view.rises]  # 2
    if any(view.height == tip for view in rising):
        syncing = all(view.status is not None and view.status.catching_up for view in rising)
        if syncing or len(rising) < 2:
            return Tristate.UNKNOWN, "heights rise, but blocks are old: nodes are catching up"
        return Tristate.NO, "heights rise"
    if not any(view.stands and view.height == tip for view in stale):
        return Tristate.UNKNOWN, "heights could be read only once; two samples are needed"
    down_power = power.sum(down)
    # 3
    if len(stale) < 2 and not (power.known and can_halt(down_power, power.total)):
        return (
            Tristate.UNKNOWN,
            "one node's word is not enough to conclude anything about the chain; "
            "a second witness is needed",
        )
    sample = power.sum({view.address for view in stale} | down)  # 4
    if power.known and 3 * sample <= power.total:
        return (
            Tristate.UNKNOWN,
            f"nodes with {sample} of {power.total} power show no blocks: not more than one third",
        )
    return Tristate.YES, f"{len(stale)} nodes show no new block, {down_power} power is read as down"
