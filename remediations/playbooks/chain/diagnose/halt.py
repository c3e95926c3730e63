"""Whether the chain halts: no block for too long, by more than one third of the power.

The rule (docs/diagnosis.md#halted): the newest block is older than the chain's limit, seen by
nodes and stopped validators with more than 1/3 of the power (or, where powers are unknown, by two
nodes), and no height rose between the samples. One node's word is never enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from remediations.engine.find.finding import Evidence
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.finding import Certainty
from remediations.systems.comet.quorum import can_halt
from remediations.values.reading import value_or_none

_CONFIRMS = 20
"""Blocks: a peer seen this close to the tip confirms it, though read some seconds apart."""


@dataclass(frozen=True)
class Halt:
    """The answer; `tip` is the highest block, `newest` its time, `reason` says why in a phrase."""

    answer: Certainty
    tip: int
    newest: datetime | None
    age_s: int
    reason: str
    evidence: tuple[Evidence, ...]


def read_halt(
    witnesses: Sequence[NodeView], power: Power, down: frozenset[str], limit_s: int
) -> Halt:
    """Judges the witnesses; `down` are the addresses whose host is down for sure."""
    if not witnesses:
        return Halt(Certainty.UNKNOWN, 0, None, 0, "no node answers for the chain", ())
    tip = max(view.height for view in witnesses)
    ages = {view.host: _age(view) for view in witnesses}
    limit = timedelta(seconds=limit_s)
    stale = [view for view in witnesses if ages[view.host] > limit]
    newest = max(s.block_time for v in witnesses for s in v.statuses)
    age_s = max(0, int(min(ages.values()).total_seconds()))
    evidence = tuple(
        e
        for view in sorted(witnesses, key=lambda v: (-v.height, v.host))[:3]
        for e in view.status_evidence(
            f"height {view.height}, last block {max(0, int(ages[view.host].total_seconds()))} s old"
        )
    )
    if len(stale) < len(witnesses):
        answer, reason = _going_on(witnesses, stale, tip)
    else:
        answer, reason = _standing(stale, power, down, tip)
    return Halt(answer, tip, newest, age_s, reason, evidence)


def _age(view: NodeView) -> timedelta:
    """How old the node's newest block was when it was asked."""
    sample, status = view.newest, view.status
    assert sample is not None
    assert status is not None
    return sample.at - status.block_time


def _going_on(
    witnesses: Sequence[NodeView], stale: Sequence[NodeView], tip: int
) -> tuple[Certainty, str]:
    """Somebody has a fresh block: the chain goes on if somebody else confirms that."""
    old = {view.host for view in stale}
    confirming = sum(1 for view in witnesses if view.host not in old or _sees(view, tip))
    if confirming < 2:
        return Certainty.UNKNOWN, "only one node shows fresh blocks; a second witness is needed"
    return Certainty.NO, f"{confirming} nodes show or see fresh blocks"


def _sees(view: NodeView, tip: int) -> bool:
    """Whether one of the node's peers is near the tip."""
    rounds = value_or_none(view.reading.chain.peer_rounds) or ()
    return any(peer.height >= tip - _CONFIRMS for peer in rounds)


def _standing(
    stale: Sequence[NodeView], power: Power, down: frozenset[str], tip: int
) -> tuple[Certainty, str]:
    """No fresh block anywhere: halted, if enough power says so and nothing rises."""
    rising = [view for view in stale if view.rises]
    if any(view.height == tip for view in rising):
        syncing = all(view.status is not None and view.status.catching_up for view in rising)
        if syncing or len(rising) < 2:
            return Certainty.UNKNOWN, "heights rise, but blocks are old: nodes are catching up"
        return Certainty.NO, "heights rise"
    if not any(view.stands and view.height == tip for view in stale):
        return Certainty.UNKNOWN, "heights could be read only once; two samples are needed"
    down_power = power.sum(down)
    if len(stale) < 2 and not (power.known and can_halt(down_power, power.total)):
        return (
            Certainty.UNKNOWN,
            "one node's word is not enough to conclude anything about the chain; "
            "a second witness is needed",
        )
    sample = power.sum({view.address for view in stale} | down)
    if power.known and 3 * sample <= power.total:
        return (
            Certainty.UNKNOWN,
            f"nodes with {sample} of {power.total} power show no blocks: not more than one third",
        )
    return (
        Certainty.YES,
        f"{len(stale)} nodes show no new block, {down_power} power is read as down",
    )
