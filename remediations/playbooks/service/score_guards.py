"""Guards on changing a workload that scores (ids: rules/guards.md here)."""

from __future__ import annotations

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.scoring.conditions import PodAnswer
from remediations.playbooks.scoring.pods.agreed import AgreedScores
from remediations.playbooks.service.situation import ServiceSituation
from remediations.render.formats import name_some
from remediations.values.reading import value_or_none

NOT_SCORED = "no host names it as its scoring service"


def answers_can_be_judged(service: ServiceSituation, target: str) -> GuardResult:
    """K25: of a workload that scores it is known what its pods have to answer, and they can be
    asked. Without that "rolled out" would be all that is proven."""
    return _can_be_judged(service, target, scored=service.scored(target) is not None)


def moved_answers_can_be_judged(service: ServiceSituation, target: str) -> GuardResult:
    """K25, for the pods that a drain of a node moves."""
    return _can_be_judged(service, target, scored=bool(_scored_on(service, target)))


def moved_pod_can_be_judged(service: ServiceSituation, target: str) -> GuardResult:
    """K25, for one pod that is moved."""
    found = service.pod_on_node(target)
    return _can_be_judged(
        service, target, scored=found is not None and bool(service.scored_of(found[1].uid))
    )


def _can_be_judged(service: ServiceSituation, subject: str, *, scored: bool) -> GuardResult:
    holds, got = _judged(service.scores) if scored and service.scores else (True, NOT_SCORED)
    return guard_result(
        "K25",
        "whether its pods answer as agreed can be told",
        subject=subject,
        holds=holds,
        got=got,
        expected="of a workload that scores: an agreed answer to every golden vector, and the "
        "right to create pods/proxy",
        next_step="`remediate diagnose scoring` for what is agreed; for the right, the Role "
        "remediate-scores of docs/kubernetes.md",
        facts=(f"{subject}.expected",),
    )


def elsewhere_they_answer_alike(service: ServiceSituation, target: str) -> GuardResult:
    """K27: of the workloads that score, and of which a drain moves pods, no ready pod on another
    node answers otherwise: the gate could not tell what was moved from it."""
    node = target.removeprefix("node/")
    odd = [
        one.pod.name
        for workload in _scored_on(service, target)
        if (scored := service.scored(workload)) is not None
        for one in scored.off(node).pods
        if one.answer is PodAnswer.OTHERWISE
    ]
    return guard_result(
        "K27",
        "what scores on other nodes answers as agreed before more of it is moved there",
        subject=target,
        holds=not odd,
        got=f"these answer otherwise: {name_some(odd)}"
        if odd
        else "no ready pod elsewhere answers otherwise"
        if _scored_on(service, target)
        else "nothing that scores is moved",
        expected="no ready pod of such a workload on another node that answers otherwise",
        next_step="`remediate diagnose scoring` says which and why; mend those first",
    )


def _scored_on(service: ServiceSituation, target: str) -> tuple[str, ...]:
    """The workloads that score, and of which a drain of this node moves pods."""
    state = service.node(target)
    pods = () if state is None else state.to_move
    return tuple(sorted({service.scored_of(pod.uid) for pod in pods} - {""}))


def _judged(scores: AgreedScores) -> tuple[bool | None, str]:
    if scores.golden is None:
        return False, "no answer has more than two thirds of the power"
    for right in scores.reading.access:
        if value_or_none(right.allowed) is False:
            return False, f"not allowed: {right.verb} {right.resource}"
    if not scores.reading.access or any(
        value_or_none(right.allowed) is None for right in scores.reading.access
    ):
        return None, "whether pods may be asked is not known"
    return True, f"agreed by {scores.basis}, and pods may be asked"


def image_answers_alike(service: ServiceSituation, target: str) -> GuardResult:
    """K26: no ready pod that runs the image that is set answers otherwise than agreed. Where none
    runs it, its gate asks it."""
    good, scored = service.last_good(service.workload(target)), service.scored(target)
    odd = service.answers_otherwise(target, good.image) if good else ()
    return guard_result(
        "K26",
        "the image that is set is not known to answer otherwise",
        subject=target,
        holds=not odd,
        got=f"pods that run it answer otherwise: {name_some(odd)}"
        if odd
        else NOT_SCORED
        if scored is None
        else "no ready pod that runs it answers otherwise; its gate asks them",
        expected="no ready pod that runs it and answers otherwise than agreed",
        next_step="choose another with --digest: `remediate diagnose scoring` says which pods "
        "answer as agreed",
        facts=(f"{target}.to_image", f"{target}.to_image_answers"),
    )
