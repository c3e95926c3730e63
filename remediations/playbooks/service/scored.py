"""Workloads that score: what a plan proves of their answers, and what it does not. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from remediations.engine.plan.plan import PlannedCheck
from remediations.playbooks.service.checks.titles import CHECKS, SCORE_CHECKS
from remediations.playbooks.service.situation import ServiceSituation
from remediations.render.formats import name_some
from remediations.systems.kubernetes.values import Workload
from remediations.systems.scorer.values import GoldenVectors
from remediations.systems.scorer.workload import ScoredWorkload
from remediations.values.part import Kinded
from remediations.values.record import Record

ANSWERS = ", and every ready pod gives the agreed answers"
"""What a gate says of a workload that scores."""
ANSWERS_ELSEWHERE = ", and its ready pods there give the agreed answers"
"""What it says of a pod of one that is moved."""


class ScoredTarget(Record, frozen=True, kw_only=True):
    """A workload of the plan that scores, and where its pods are asked."""

    target: str
    service: ScoredWorkload


class ScoresBefore(Kinded, frozen=True, kw_only=True):
    """What the gates and checks of a plan ask of pods: `golden` has the agreed answers, whatever
    the file of vectors says of them."""

    KIND: ClassVar[str] = "service.scores/1"

    golden: GoldenVectors
    asks: int
    timeout_ms: int
    workloads: tuple[ScoredTarget, ...]


def scores_before(service: ServiceSituation, targets: Collection[str]) -> ScoresBefore | None:
    """What is asked of the pods of these workloads; None where none of them scores, or no answer is
    agreed: then a guard refuses the plan (K25)."""
    scores = service.scores
    if scores is None or scores.golden is None:
        return None
    scoring = scores.reading.scoring
    those = [one for one in scores.reading.workloads if one.target in targets]
    if not those:
        return None
    return ScoresBefore(
        golden=scores.golden,
        asks=scoring.asks,
        timeout_ms=scoring.timeout_ms,
        workloads=tuple(ScoredTarget(target=one.target, service=one.service) for one in those),
    )


def planned_checks(
    service: ServiceSituation,
    workloads: Sequence[Workload],
    checks: Mapping[str, str] = CHECKS,
) -> tuple[PlannedCheck, ...]:
    """The checks of a plan for these workloads: of one that scores, its answers, too."""
    scored = any(service.scored(one.entry.target) is not None for one in workloads)
    titles = {**checks, **(SCORE_CHECKS if scored else {})}
    return tuple(PlannedCheck(id=check, title=title) for check, title in titles.items())


def not_proven(service: ServiceSituation, workloads: Sequence[Workload]) -> tuple[str, ...]:
    """What a plan says of workloads whose answers nobody asks for."""
    targets = dict.fromkeys(one.entry.target for one in workloads)
    plain = [one for one in targets if service.scored(one) is None]
    if not plain:
        return ()
    return (
        f"what {name_some(plain)} answers is not proven: no host names it as its scoring service "
        "(docs/scoring.md#on-kubernetes)",
    )
