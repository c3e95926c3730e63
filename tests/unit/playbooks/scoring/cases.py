"""What is proposed for services and a chain, as plans are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from remediations.engine.domain import Branch, Proposal, pick_branch
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.build import evaluate_guards
from remediations.engine.plan.plan import GuardResult
from remediations.playbooks.scoring.domain import DOMAIN
from remediations.playbooks.scoring.situation import ScoringSituation, situation
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.scorer.reading import ScorersReading
from remediations.values.part import Part
from remediations.values.reading import Known
from tests.worlds import healthy
from tests.worlds.base import change, known


def observed(reading: ScorersReading, chain: CometReading | None = None) -> Observation:
    """An observation with these services, on a chain that is well or as told."""
    whole = sealed(chain or healthy())
    parts = sorted((*whole.parts, Part.of(reading)), key=lambda part: part.kind)
    return replace(whole, parts=tuple(parts))


def keeping(*hosts: str, sha256: str, chain: CometReading | None = None) -> CometReading:
    """A chain whose `hosts` keep a file."""

    def keeps(reading: HostReading) -> HostReading:
        assert isinstance(reading.records, Known)
        return replace(reading, records=known(replace(reading.records.value, staged=(sha256,))))

    found = chain or healthy()
    for host in hosts:
        found = change(found, host, keeps)
    return found


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a playbook proposes."""

    situation: ScoringSituation
    branch: Branch[ScoringSituation]
    proposal: Proposal[ScoringSituation]

    def judge(self) -> dict[tuple[str, str], GuardResult]:
        """Every guard on it, by id and subject."""
        whole = (*DOMAIN.invariants, *self.branch.invariants)
        found = evaluate_guards(whole, self.situation, self.proposal)
        return {(one.id, one.subject): one for one in found}


def case_of(
    observation: Observation,
    playbook: str = "INC-002",
    branch: str | None = None,
    only: Sequence[str] = (),
) -> Case:
    """What the playbook proposes for an observation."""
    scoring = situation(observation, frozenset(only))
    known_playbooks = {one.id: one for one in DOMAIN.playbooks}
    picked = pick_branch(known_playbooks[playbook], scoring, DOMAIN.finding(scoring), branch)
    return Case(situation=scoring, branch=picked, proposal=picked.propose(scoring))
