"""Guards on changing a workload that scores (ids: rules/guards.md here)."""

from __future__ import annotations

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.scoring.pods.agreed import AgreedScores
from remediations.playbooks.service.situation import ServiceSituation
from remediations.render.formats import name_some
from remediations.values.reading import value_or_none

NOT_SCORED = "no host names it as its scoring service"


def answers_can_be_judged(service: ServiceSituation, target: str) -> GuardResult:
    """K25: of a workload that scores it is known what its pods have to answer, and they can be
    asked. Without that "rolled out" would be all that is proven."""
    scores = service.scores if service.scored(target) is not None else None
    holds, got = (True, NOT_SCORED) if scores is None else _judged(scores)
    return guard_result(
        "K25",
        "whether its pods answer as agreed can be told",
        subject=target,
        holds=holds,
        got=got,
        expected="of a workload that scores: an agreed answer to every golden vector, and the "
        "right to create pods/proxy",
        next_step="`remediate diagnose scoring` for what is agreed; for the right, the Role "
        "remediate-scores of docs/kubernetes.md",
        facts=(f"{target}.expected",),
    )


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
