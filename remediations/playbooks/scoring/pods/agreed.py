"""What workloads answer, held against what is agreed: for the playbook that can change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from remediations.engine.observe.observation import Observation
from remediations.playbooks.scoring.baseline import agreed_vectors
from remediations.playbooks.scoring.finding import Basis
from remediations.playbooks.scoring.pods.scores import JudgedWorkload, judge_workload_answers
from remediations.playbooks.scoring.situation import situation
from remediations.systems.scorer.values import GoldenVectors
from remediations.systems.scoringpods.reading import PodsReading


@dataclass(frozen=True, kw_only=True)
class AgreedScores:
    """The workloads that score. `golden` has the agreed answers, None where none are; `basis` is
    why they count."""

    reading: PodsReading
    golden: GoldenVectors | None
    basis: Basis

    @cached_property
    def judged(self) -> Mapping[str, JudgedWorkload]:
        """How each answers, by its name in plans."""
        return {
            one.target: judge_workload_answers(one, self.golden, self.reading.scoring.settings)
            for one in self.reading.workloads
        }


def agreed_scores(observation: Observation) -> AgreedScores | None:
    """What was read of them; None where no host of the inventory names a workload."""
    if observation.part(PodsReading.KIND) is None:
        return None
    scoring = situation(observation, frozenset())
    basis = scoring.finding.agreed_basis
    return AgreedScores(
        reading=observation.read(PodsReading),
        golden=None if basis is Basis.NONE else agreed_vectors(scoring),
        basis=basis,
    )
