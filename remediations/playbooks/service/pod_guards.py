"""Guards on the pods that a drain would move, and on a pod that is stuck (ids: rules/guards.md).

Those of a drain are asked of its node before the cordon, about all pods at once; and again of each
pod, when a run that was interrupted goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from msgspec import UNSET, UnsetType

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.service.drain import pod_deadlock
from remediations.playbooks.service.guards import NOT_READ
from remediations.playbooks.service.node_guards import unread_node
from remediations.playbooks.service.situation import ServiceSituation
from remediations.playbooks.service.stuck import STUCK_WORDS, stuck_pod
from remediations.systems.kubernetes.inventory import WorkloadRole
from remediations.systems.kubernetes.node_values import MOVED_OWNERS, NodePod, NodeState
from remediations.values.reading import value_or_none

OVERDUE = timedelta(minutes=1)
"""Beyond its grace period a pod that is ending has somebody who keeps it."""
Flaw = Callable[[ServiceSituation, NodeState, NodePod], str]
"""What stands against moving a pod, in words; "" for nothing.

Raises:
    LookupError: that is not known; says why.
"""


def _guard(
    name: str, title: str, flaw: Flaw, *, expected: str, next_step: str, alone: bool = False
) -> Callable[[ServiceSituation, str], GuardResult]:
    """A guard on all pods that a drain of the target moves; with `alone` on that pod only."""

    def judge(service: ServiceSituation, target: str) -> GuardResult:
        flaws: list[str] = []
        unknown: list[str] = []
        found = _pods(service, target, alone=alone)
        for node, pod in found or ():
            try:
                if said := flaw(service, node, pod):
                    flaws.append(f"{pod.namespace}/{pod.name}: {said}")
            except LookupError as error:
                unknown.append(f"{pod.namespace}/{pod.name}: {error.args[0]}")
        return guard_result(
            name,
            title,
            subject=target,
            holds=None if found is None else False if flaws else None if unknown else True,
            got=unread_node(service, target)
            if found is None
            else _some(flaws or unknown) or f"{len(found)} of {len(found)} pods",
            expected=expected,
            next_step=next_step,
        )

    judge.__doc__ = f"{name}: {title}."
    return judge


def _pods(
    service: ServiceSituation, target: str, *, alone: bool
) -> list[tuple[NodeState, NodePod]] | None:
    """The pods that are judged; None where they were not read."""
    if alone:
        found = service.pod_on_node(target)
        return None if found is None else [found]
    node = service.node(target)
    return None if node is None else [(node, pod) for pod in node.to_move]


def _some(sentences: Iterable[str]) -> str:
    told = list(sentences)
    more = f"; and {len(told) - 5} more" if len(told) > 5 else ""
    return "; ".join(told[:5]) + more


def _deadlock(service: ServiceSituation, node: NodeState, pod: NodePod) -> str:
    found = pod_deadlock(service.reading, node, pod)
    return f"disruption budget {found.budget}: {found.why}" if found else ""


def _place(_service: ServiceSituation, _node: NodeState, pod: NodePod) -> str:
    if pod.takers:
        return ""
    return "no other node is ready, schedulable, tolerated and has the room that it requests"


def _made_again(_service: ServiceSituation, _node: NodeState, pod: NodePod) -> str:
    if pod.owner in MOVED_OWNERS:
        return ""
    if not pod.owner:
        return "it has no controller: nothing makes it again"
    return f"it belongs to {pod.owner} {pod.owner_name}: a drain may lose its work"


def _left_behind(_service: ServiceSituation, _node: NodeState, pod: NodePod) -> str:
    return f"local storage {', '.join(pod.local)}" if pod.local else ""


def _key(service: ServiceSituation, _node: NodeState, pod: NodePod) -> str:
    workload = service.workload_of(pod.uid)
    if workload is not None:
        holds = workload.entry.role is WorkloadRole.VALIDATOR
        return f"{workload.entry.target} holds a validator's key" if holds else ""
    if pod.namespace in _movable(service):
        return ""
    return "it is of no workload of the inventory, and nobody says that it holds no validator's key"


def _movable(service: ServiceSituation) -> tuple[str, ...]:
    nodes = service.reading.nodes
    return () if isinstance(nodes, UnsetType) else nodes.movable


def _lease(_service: ServiceSituation, _node: NodeState, pod: NodePod) -> str:
    return "it serves a tenant's lease" if pod.lease else ""


def _ends(service: ServiceSituation, _node: NodeState, pod: NodePod) -> str:
    if pod.grace_s == 0:
        return "its own grace period is 0: it would be gone while its process may go on"
    if pod.finalizers:
        return f"it stays until somebody removes its finalizers: {', '.join(pod.finalizers)}"
    if pod.ending_since and _overdue(pod, service.at):
        return f"it is ending since {pod.ending_since}, longer than its {pod.grace_s} s"
    return ""


def _overdue(pod: NodePod, now: datetime) -> bool:
    try:
        # The API writes down when the grace period is over, not when it began.
        return now - datetime.fromisoformat(pod.ending_since) > OVERDUE
    except (ValueError, TypeError) as error:
        raise LookupError(f"its deletion time is {pod.ending_since!r}") from error


_K13 = "no disruption budget stands in its way for ever"
_K13_NEXT = (
    "raise the replicas or lower the budget at its source, mend the pods that are broken, or let "
    "the budget evict broken ones (unhealthyPodEvictionPolicy: AlwaysAllow). Do not delete it"
)
_K13_WANTS = "budgets that allow one at some time, and healthy pods enough for it"
no_deadlock = _guard("K13", _K13, _deadlock, expected=_K13_WANTS, next_step=_K13_NEXT)
pod_may_go = _guard("K13", _K13, _deadlock, expected=_K13_WANTS, next_step=_K13_NEXT, alone=True)
place_elsewhere = _guard(
    "K14",
    "some other node can take each pod",
    _place,
    expected="for each a ready node that it tolerates, with what it requests free",
    next_step="add a node, uncordon one, or free room; then plan again",
)
made_again = _guard(
    "K15",
    "each pod is made again by its controller",
    _made_again,
    expected="pods of a Deployment, ReplicaSet or StatefulSet",
    next_step="wait for a job to end; move a bare pod by hand, as its owner says",
)
nothing_left_behind = _guard(
    "K16",
    "no pod leaves data behind",
    _left_behind,
    expected="no emptyDir and no hostPath, but for what the pod declares safe to lose",
    next_step="where the data may be lost, say so at its source: the annotation "
    "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes with the volumes' names",
)
no_key_moves = _guard(
    "K17",
    "no validator's key is moved",
    _key,
    expected="workloads of the role service, and namespaces under `others`",
    next_step="a validator is moved by its own runbook, never by a drain: its key must not run "
    "twice. What holds no key: add its workload, or its namespace under `others`",
)
key_stays = _guard(
    "K17",
    "no validator's key is moved",
    _key,
    expected="workloads of the role service, and namespaces under `others`",
    next_step="a validator is moved by its own runbook, never by a drain",
    alone=True,
)
no_lease = _guard(
    "K18",
    "no tenant's lease is served from it",
    _lease,
    expected="no pod of a lease",
    next_step="a provider that cannot see its tenants' pods closes their leases: stop the provider "
    "daemon first, drain by hand, and start it when the pods run",
)
pods_end = _guard(
    "K20",
    "each pod ends by its kubelet's word, and nobody keeps it",
    _ends,
    expected="a grace period, no finalizers, none that is ending for too long",
    next_step="whoever set a finalizer removes it; correct a grace period of 0 at its source",
)


def floor_without_it(service: ServiceSituation, target: str) -> GuardResult:
    """K8, for one pod that is evicted: what is starting is waited for by the gate before it."""
    found = service.pod_on_node(target)
    workload = service.workload_of(found[1].uid) if found else None
    state = value_or_none(workload.state) if workload else None
    floor = workload.entry.floor if workload else 0
    lowest = None
    if found and state is not None:
        stuck = [
            other
            for other in state.pods
            if set(other.troubles) & STUCK_WORDS and other.node != found[0].name
        ]
        lowest = state.desired - len(stuck) - (1 if found[1].ready else 0)
    holds = None if found is None else True if lowest is None else lowest >= floor
    return guard_result(
        "K8",
        "enough replicas stay available meanwhile",
        subject=target,
        holds=holds,
        got=NOT_READ
        if found is None
        else "it is of no workload of the inventory"
        if workload is None
        else NOT_READ
        if lowest is None
        else f"at worst {lowest} of {workload.entry.target} meanwhile",
        expected=f"{floor} or more",
        next_step="raise its replicas at its source, or lower the floor in the inventory",
        facts=(f"{target}.uid",),
    )


DRAIN_GUARDS = (
    no_deadlock,
    place_elsewhere,
    made_again,
    nothing_left_behind,
    no_key_moves,
    no_lease,
    pods_end,
)
"""About all pods of a node, before it is cordoned."""


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
