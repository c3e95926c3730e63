"""The part of the finding that is about workloads of a cluster. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from remediations.engine.find.finding import evidence_of
from remediations.playbooks.scoring.classes import ScoringClass
from remediations.playbooks.scoring.conditions import PodAnswer
from remediations.playbooks.scoring.diagnose.reference import PodsView
from remediations.playbooks.scoring.diagnose.view import AnswerKey, digest_of
from remediations.playbooks.scoring.finding import ScorerFinding, WorkloadFinding
from remediations.playbooks.scoring.pods.scores import judge_workload_answers
from remediations.systems.scorer.inventory import ScoringEntry
from remediations.systems.scorer.values import GoldenVectors, Setting
from remediations.systems.scoringpods.reading import WorkloadAnswers


def agreed_golden(scoring: ScoringEntry, key: AnswerKey | None) -> GoldenVectors | None:
    """The vectors with the agreed answers, whatever the file says of them; None where none are."""
    if key is None:
        return None
    pairs = zip(scoring.golden.vectors, key, strict=True)
    vectors = tuple(replace(vector, answer=answer) for vector, answer in pairs)
    return replace(scoring.golden, vectors=vectors)


def workload_findings(
    pods: Sequence[WorkloadAnswers],
    views: Sequence[PodsView],
    golden: GoldenVectors | None,
    declared: Sequence[Setting],
) -> tuple[WorkloadFinding, ...]:
    """One for each workload, in the order of their names. `declared` are the settings."""
    found = []
    for workload, view in zip(pods, views, strict=True):
        judged = judge_workload_answers(workload, golden, declared)
        found.append(
            WorkloadFinding(
                target=workload.target,
                hosts=workload.hosts,
                condition=judged.answer,
                power=view.power,
                cause=judged.cause,
                by_hand=judged.answer.rule.by_hand,
                answers=digest_of(view.key) if view.key is not None else "",
                evidence=(evidence_of(f"{workload.target}.pods", workload.pods, judged.cause),),
            )
        )
    return tuple(found)


def of_pods(
    verdict: ScoringClass, workloads: Sequence[WorkloadFinding], *, alone: bool
) -> ScoringClass:
    """The verdict where what is agreed is known and no service of a host is ill; `alone`: where no
    host has one."""
    conditions = {one.condition for one in workloads}
    if conditions & {PodAnswer.OTHERWISE, PodAnswer.SILENT}:
        return ScoringClass.PODS
    if PodAnswer.UNREAD in conditions:
        return ScoringClass.UNREAD
    return ScoringClass.AGREED if alone and workloads else verdict


def name_of(found: ScorerFinding | WorkloadFinding) -> str:
    """What it is called in sentences."""
    return found.host if isinstance(found, ScorerFinding) else found.target
