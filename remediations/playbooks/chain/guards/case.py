"""Everything a guard may look at: the observation, its finding, and what is proposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from remediations.engine.find.finding import Finding
from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.engine.plan.proposal import Proposal
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.values import NodeStatus
from remediations.values.reading import value_or_none


class Runs(NamedTuple):
    """How many hosts run a program, and the power that they hold."""

    hosts: int
    power: int


@dataclass(frozen=True, kw_only=True)
class Case:
    """One proposal against one observation.

    What guards of every host hold it against is found once: a guard that looks through all hosts
    for each host would take hours where the diagnosis takes seconds.
    """

    observation: CometReading
    finding: Finding
    proposal: Proposal

    @cached_property
    def acting(self) -> tuple[HostReading, ...]:
        """The readings of the hosts that are acted on, in order."""
        return tuple(self.observation.host(move.host) for move in self.proposal.acting)

    @cached_property
    def acting_hosts(self) -> frozenset[str]:
        """Their names."""
        return frozenset(move.host for move in self.proposal.acting)

    @cached_property
    def tip(self) -> int:
        """The highest block that any node tells of; 0 where none does."""
        blocks = (value_or_none(r.chain.blocks) or () for r in self.observation.hosts)
        return max(self.finding.height, *(meta.height for many in blocks for meta in many), 0)

    @cached_property
    def last_signed(self) -> Mapping[str, int]:
        """By address, the highest height at which a commit, on any node, carries its signature."""
        best: dict[str, int] = {}
        for reading in self.observation.hosts:
            commit = value_or_none(reading.chain.commit)
            if commit is None:
                continue
            for signature in commit.signatures:
                if signature.flag != 1 and commit.height > best.get(signature.address, 0):
                    best[signature.address] = commit.height
        return best

    @cached_property
    def running(self) -> Mapping[str, Runs]:
        """By SHA-256, who runs which program."""
        found: dict[str, Runs] = {}
        for reading in self.observation.hosts:
            binary = value_or_none(reading.binary)
            if binary is not None and binary.running_sha256:
                hosts, power = found.get(binary.running_sha256, (0, 0))
                power += self.finding.node(reading.host).power
                found[binary.running_sha256] = Runs(hosts + 1, power)
        return found


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
