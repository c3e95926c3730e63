"""Guards on a pod that holds up a StatefulSet (ids: rules/guards.md here)."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.service.guards import NOT_READ
from remediations.playbooks.service.situation import ServiceSituation
from remediations.playbooks.service.stuck import stuck_pod
from remediations.systems.kubernetes.inventory import WorkloadRole


def pod_is_stuck(service: ServiceSituation, target: str) -> GuardResult:
    """K21: the pod is stuck with a template that has been mended since."""
    found = stuck_pod(service, target)
    return guard_result(
        "K21",
        "the pod is stuck with an older template, and is made anew from the newest one",
        subject=target,
        holds=True if found else None,
        got=found.why if found else "no stuck pod of that name was found",
        expected="a pod of a StatefulSet that does not run, of an older revision than its newest",
        next_step="`remediate diagnose` says how it is now; then plan again",
        facts=(f"{target}.uid", f"{target}.revision"),
    )


def stuck_key_stays(service: ServiceSituation, target: str) -> GuardResult:
    """K17, for a pod that is stuck."""
    found = stuck_pod(service, target)
    role = found.workload.entry.role if found else None
    return guard_result(
        "K17",
        "no validator's key is moved",
        subject=target,
        holds=None if role is None else role is WorkloadRole.SERVICE,
        got=NOT_READ if role is None else f"its workload is of the role {role}",
        expected="a workload of the role service",
        next_step="a validator is brought back by its own runbook: its key must not run twice",
        facts=(f"{target}.uid",),
    )


def stuck_pod_ends(service: ServiceSituation, target: str) -> GuardResult:
    """K20, for a pod that is stuck."""
    found = stuck_pod(service, target)
    grace = found.pod.grace_s if found else UNSET
    known = not isinstance(grace, UnsetType)
    return guard_result(
        "K20",
        "each pod ends by its kubelet's word, and nobody keeps it",
        subject=target,
        holds=None if isinstance(grace, UnsetType) else grace > 0,
        got=f"a grace period of {grace} s" if known else NOT_READ,
        expected="a grace period of its own",
        next_step="correct terminationGracePeriodSeconds at the source of the workload",
        facts=(f"{target}.uid",),
    )
