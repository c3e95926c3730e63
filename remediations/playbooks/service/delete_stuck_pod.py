"""The branch `delete-stuck-pod`: one pod that holds up a StatefulSet whose template was mended."""

from __future__ import annotations

from msgspec import UnsetType

from remediations.engine.domain import Branch, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.service.checks.titles import STUCK_CHECKS
from remediations.playbooks.service.node_actions import DELETE_STUCK_POD
from remediations.playbooks.service.node_gates import Replaced
from remediations.playbooks.service.situation import ServiceSituation
from remediations.playbooks.service.stuck import StuckPod, stuck_pods
from remediations.values.part import Part

READY_LIMIT_S = 300
LONGEST_GRACE_S = 3600


def _first(service: ServiceSituation) -> StuckPod | None:
    """The one that is deleted: of several the first, whose end lets its controller go on."""
    those = (
        one
        for one in stuck_pods(service)
        if not service.only or {one.target, one.workload.entry.target} & service.only
    )
    return next(those, None)


def _fits(service: ServiceSituation) -> str | None:
    if _first(service) is not None:
        return None
    return "no StatefulSet waits for a pod of an older template that cannot run"


def _propose(service: ServiceSituation) -> Proposal[ServiceSituation]:
    stuck = _first(service)
    assert stuck is not None, "`fits` has seen it"
    workload, pod = stuck.workload.entry.target, stuck.pod
    grace = 0 if isinstance(pod.grace_s, UnsetType) else min(pod.grace_s, LONGEST_GRACE_S)
    stage = StageDraft(
        title=f"delete {pod.name}, with its own grace period",
        why=f"{workload} waits for it, and its template was mended: {stuck.why}",
        moves=(Move(DELETE_STUCK_POD, stuck.target),),
        gate=Gate(
            title=f"{pod.name} is made anew from the newest template, and ready",
            timeout_s=READY_LIMIT_S + grace,
            asks=Part.of(Replaced(workload=workload, pod=pod.name, uid=pod.uid)),
        ),
    )
    return Proposal(
        title=f"delete the stuck pod {pod.name} of {workload}",
        stages=(stage,),
        checks=tuple(PlannedCheck(id=one, title=title) for one, title in STUCK_CHECKS.items()),
        risk=Risk.LOW,
        worst_case="the newest template does not work either: the pod is as broken as it is now",
    )


DELETE_POD = Branch(
    name="delete-stuck-pod",
    title="Delete the pod that holds up a StatefulSet whose template was mended",
    condition="a pod of an older template cannot run, and the newest template waits for it",
    fits=_fits,
    propose=_propose,
)
