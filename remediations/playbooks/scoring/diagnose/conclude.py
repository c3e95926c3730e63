"""From all readings to one finding. Pure, and in proportion to the number of hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from msgspec import UNSET

from remediations.engine.find.finding import Evidence, Health, evidence_of
from remediations.playbooks.scoring.classes import ScoringClass
from remediations.playbooks.scoring.conditions import PodAnswer, ScorerCondition
from remediations.playbooks.scoring.diagnose.condition import judge
from remediations.playbooks.scoring.diagnose.of_pods import (
    agreed_golden,
    name_of,
    of_pods,
    workload_findings,
)
from remediations.playbooks.scoring.diagnose.reference import (
    PodsView,
    Powers,
    Reference,
    answer_groups,
    golden_key,
    image_groups,
    model_groups,
    reference_of,
)
from remediations.playbooks.scoring.diagnose.view import ScorerView, digest_of
from remediations.playbooks.scoring.finding import (
    AnswerGroup,
    Basis,
    ModelGroup,
    ScorerFinding,
    ScoringFinding,
    WorkloadFinding,
)
from remediations.playbooks.scoring.pods.scores import common_key
from remediations.playbooks.scoring.quarantine import by_hand_of
from remediations.render.formats import name_some, percent
from remediations.systems.comet.quorum import can_halt, has_quorum
from remediations.systems.scorer.inventory import ScoringEntry
from remediations.systems.scorer.reading import ScorersReading
from remediations.systems.scoringpods.reading import WorkloadAnswers

Condition = ScorerCondition
NO_IMAGES: Mapping[str, str] = MappingProxyType({})
_OF_MODEL = frozenset({Condition.SKEW, Condition.HALF_COPY, Condition.STALE})
_OF_SETTINGS = frozenset(
    {
        Condition.VARIES,
        Condition.STUB,
        Condition.THREADS,
        Condition.SETTINGS,
        Condition.CPU_CLASS,
        Condition.BUILD,
    }
)


def conclude(
    reading: ScorersReading,
    powers: Powers,
    clusters: Sequence[frozenset[str]] = (),
    images: Mapping[str, str] = NO_IMAGES,
    out_of_memory: frozenset[str] = frozenset(),
    pods: Sequence[WorkloadAnswers] = (),
) -> ScoringFinding:
    """The finding. `clusters` are hosts whose chain has one app hash, where there are several;
    `images` are the digests of the images that run, by host; `out_of_memory` are the hosts whose
    container was ended for memory; `pods` is what workloads answer that score."""
    scoring = reading.scoring
    views = [
        ScorerView(
            reading=one,
            scoring=scoring,
            power=powers.of(one.host),
            image=images.get(one.host, ""),
            out_of_memory=one.host in out_of_memory,
        )
        for one in reading.hosts
    ]
    others = tuple(_pods_view(one, scoring, powers) for one in pods)
    agreed = reference_of(views, scoring, powers, others)
    scorers = tuple(_scorer(view, agreed) for view in views)
    workloads = workload_findings(
        pods, others, agreed_golden(scoring, agreed.key), scoring.settings
    )
    answers, models = answer_groups(views, others), model_groups(views)
    unread = sum(s.power for s in scorers if s.condition is Condition.UNREAD)
    unread += sum(w.power for w in workloads if w.condition is PodAnswer.UNREAD)
    verdict = _verdict(
        scorers, answers, agreed, powers.total, unread, agreed.key == golden_key(scoring)
    )
    if verdict in (ScoringClass.AGREED, ScoringClass.UNREAD) and agreed.key is not None:
        verdict = of_pods(verdict, workloads, alone=not scorers)
    alike = _split_alike(answers, clusters)
    return ScoringFinding(
        verdict=verdict,
        total_power=powers.total,
        unread_power=unread,
        agreed=digest_of(agreed.key) if agreed.key is not None else "",
        agreed_basis=agreed.basis,
        model=agreed.model,
        model_basis=agreed.model_basis,
        answers=answers,
        models=models,
        images=image_groups(views),
        scorers=scorers,
        explanation=_explanation(verdict, (*scorers, *workloads), alike=alike),
        next_step=verdict.rule.next_step,
        since=_since(models, agreed),
        split_alike=alike,
        workloads=workloads or UNSET,
    )


def _pods_view(workload: WorkloadAnswers, scoring: ScoringEntry, powers: Powers) -> PodsView:
    names = tuple(vector.name for vector in scoring.golden.vectors)
    return PodsView(
        target=workload.target,
        hosts=workload.hosts,
        power=sum(map(powers.of, workload.hosts)),
        key=common_key(workload, names),
    )


def _scorer(view: ScorerView, agreed: Reference) -> ScorerFinding:
    condition, cause = judge(view, agreed)
    return ScorerFinding(
        host=view.host,
        condition=condition,
        power=view.power,
        cause=cause,
        by_hand=by_hand_of(condition, view.scoring),
        answers=digest_of(view.key) if view.key is not None else "",
        model=view.model,
        evidence=tuple(_evidence(view)),
    )


def _evidence(view: ScorerView) -> list[Evidence]:
    reading, host = view.reading, view.host
    typical = "" if view.typical_ms is None else f"typically {view.typical_ms} ms"
    said = f"{len(view.by_vector)} of {len(view.scoring.golden.vectors)} vectors answered {typical}"
    trouble = f"; {view.troubles[0]}" if view.troubles else ""
    return [
        evidence_of(f"{host}.asks", reading.asks, said.strip() + trouble),
        evidence_of(f"{host}.loaded", reading.loaded, view.loaded[:16]),
        evidence_of(f"{host}.disk", reading.disk, view.on_disk[:16]),
        evidence_of(f"{host}.machine", reading.machine, view.cpu_class),
    ]


def _verdict(
    scorers: Sequence[ScorerFinding],
    answers: Sequence[AnswerGroup],
    agreed: Reference,
    total: int,
    unread: int,
    golden: bool,
) -> ScoringClass:
    ill = [one for one in scorers if one.condition is not Condition.AGREED]
    if not scorers or all(one.condition is Condition.UNREAD for one in scorers):
        return ScoringClass.UNREAD
    conditions = {one.condition for one in ill}
    if agreed.key is None:
        best = answers[0].power if answers else 0
        if has_quorum(best + unread, total):
            return ScoringClass.UNREAD
        return ScoringClass.SPLIT
    if conditions & _OF_MODEL:
        return ScoringClass.SKEW
    if conditions & _OF_SETTINGS:
        return ScoringClass.VARIES
    waits = [one for one in ill if one.condition is Condition.BACKLOG]
    slow = [one for one in ill if _is_slow(one)]
    for those, verdict in ((waits, ScoringClass.BACKLOG), (slow, ScoringClass.LATENCY)):
        if len(those) > 1 and _many(those, scorers, total):
            return verdict
    known = [one for one in ill if one.condition is not Condition.UNREAD]
    if known and all(one.condition is Condition.CAPACITY for one in ill):
        return ScoringClass.CAPACITY
    known = [one for one in known if one.condition is not Condition.CAPACITY]
    if not known:
        if ill:
            return ScoringClass.UNREAD
        return ScoringClass.AGREED if golden else ScoringClass.OFF_GOLDEN
    return ScoringClass.ONE_ODD if len(known) == 1 else ScoringClass.MINORITY


def _is_slow(one: ScorerFinding) -> bool:
    """A host that is in trouble may be slow, or have killed the service: that one answers
    nothing."""
    if one.condition is Condition.HOST_TROUBLE:
        return bool(one.answers)
    return one.condition in (Condition.SLOW, Condition.BACKLOG)


def _many(those: Sequence[ScorerFinding], scorers: Sequence[ScorerFinding], total: int) -> bool:
    """A third of the power or more; of the services, where no powers are known."""
    if total:
        return can_halt(sum(one.power for one in those), total)
    return 3 * len(those) >= len(scorers)


def _since(models: Sequence[ModelGroup], agreed: Reference) -> datetime | None:
    others = [one.since for one in models if one.sha256 != agreed.model and one.since]
    return min(others, default=None) if agreed.model else None


def _explanation(
    verdict: ScoringClass, found: Sequence[ScorerFinding | WorkloadFinding], *, alike: bool
) -> str:
    ill = [one for one in found if one.condition.rule.health is not Health.WELL]
    worst = [f"{name_of(one)} ({one.condition}): {one.cause}" for one in ill[:3]]
    more = f"; and {len(ill) - 3} more" if len(ill) > 3 else ""
    said = "; ".join((verdict.rule.says, *worst)) + more
    if alike:
        said += (
            ". The chain's app hashes differ between the same hosts: the answers are the cause of"
            " that split. Mend the scores first, then the chain (INC-001)"
        )
    return said


def _split_alike(answers: Sequence[AnswerGroup], clusters: Sequence[frozenset[str]]) -> bool:
    """Whether those who differ in their answers, and only they, differ in the chain's state."""
    if len(clusters) < 2 or len(answers) < 2:
        return False
    asked = frozenset(host for group in answers for host in group.hosts)
    stands = frozenset(host for cluster in clusters for host in cluster)
    both = asked & stands
    by_answers = {frozenset(group.hosts) & both for group in answers} - {frozenset()}
    by_state = {cluster & both for cluster in clusters} - {frozenset()}
    return len(by_state) > 1 and by_answers == by_state


def agreed_text(finding: ScoringFinding) -> str:
    """Which answer is agreed, and by what."""
    if finding.agreed_basis is Basis.GOLDEN:
        return "no powers are known: answers are compared with the golden vectors"
    if finding.agreed_basis is Basis.NONE:
        return "none has more than two thirds"
    if finding.agreed_basis is Basis.LATE:
        return "too many are late: nobody answers otherwise than the golden vectors"
    group = next(one for one in finding.answers if one.digest == finding.agreed)
    share = percent(group.power, finding.total_power)
    if finding.agreed_basis is Basis.PIN:
        return (
            f"{group.digest[:12]} of the pinned model, by {group.power} of {finding.total_power} "
            f"({share}): none has more than two thirds"
        )
    return f"{group.digest[:12]} by {group.power} of {finding.total_power} ({share})"


def group_text(group: AnswerGroup | ModelGroup) -> str:
    """Who is in a group, in short."""
    return name_some(group.hosts, 6)
