"""Everything a guard may look at: the observation, its finding, and what is proposed."""

from __future__ import annotations

from dataclasses import dataclass

from remediations.diagnose.finding import Finding
from remediations.model.chain import NodeStatus
from remediations.model.reading import value_or_none
from remediations.observe.observation import HostReading, Observation
from remediations.plan.plan import GuardResult, Outcome
from remediations.plan.proposal import Proposal


@dataclass(frozen=True, kw_only=True)
class Case:
    """One proposal against one observation."""

    observation: Observation
    finding: Finding
    proposal: Proposal

    @property
    def acting(self) -> tuple[HostReading, ...]:
        """The readings of the hosts that are acted on, in order."""
        return tuple(self.observation.host(move.host) for move in self.proposal.acting)


def latest_status(reading: HostReading) -> NodeStatus | None:
    """The newest `/status` that was read on this host, or None."""
    for sample in reversed(reading.samples):
        status = value_or_none(sample.status)
        if status is not None:
            return status
    return None


def judged(
    guard: str,
    title: str,
    *,
    holds: bool | None,
    got: str,
    expected: str,
    next_step: str,
    host: str = "",
    facts: tuple[str, ...] = (),
) -> GuardResult:
    """A guard's result; `holds` None means it could not be evaluated, which blocks too."""
    outcomes = {None: Outcome.UNKNOWN, True: Outcome.PASS, False: Outcome.BLOCK}
    return GuardResult(
        id=guard,
        title=title,
        host=host,
        outcome=outcomes[holds],
        got=got,
        expected=expected,
        next_step=next_step,
        facts=facts,
    )
