"""Guards on the pods that a drain would move (ids: rules/guards.md here).

Those of a drain are asked of its node before the cordon, about all pods at once; and again of each
pod, when a run that was interrupted goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import UnsetType

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.service.drain import pod_deadlock
from remediations.playbooks.service.guards import NOT_READ
from remediations.playbooks.service.node_guards import unread_node
from remediations.playbooks.service.situation import ServiceSituation
from remediations.playbooks.service.stuck import STUCK_WORDS
from remediations.render.formats import count_of
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


class _Judged(NamedTuple):
    holds: bool | None
    got: str


def _judge(service: ServiceSituation, target: str, flaw: Flaw, *, alone: bool = False) -> _Judged:
    """All pods that a drain of the target moves; with `alone` that pod only."""
    found = _pods(service, target, alone=alone)
    if found is None:
        return _Judged(None, unread_node(service, target))
    flaws: list[str] = []
    unknown: list[str] = []
    for node, pod in found:
        try:
            if said := flaw(service, node, pod):
                flaws.append(f"{pod.namespace}/{pod.name}: {said}")
        except LookupError as error:
            unknown.append(f"{pod.namespace}/{pod.name}: {error.args[0]}")
    holds = False if flaws else None if unknown else True
    return _Judged(holds, _some(flaws or unknown) or count_of(len(found), "pod"))


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


def no_deadlock(service: ServiceSituation, target: str) -> GuardResult:
    """K13: no budget keeps a pod of the node for ever."""
    return _budgets_allow(target, _judge(service, target, _deadlock))


def pod_may_go(service: ServiceSituation, target: str) -> GuardResult:
    """K13, for one pod."""
    return _budgets_allow(target, _judge(service, target, _deadlock, alone=True))


def _budgets_allow(target: str, judged: _Judged) -> GuardResult:
    return guard_result(
        "K13",
        "no disruption budget stands in its way for ever",
        subject=target,
        holds=judged.holds,
        got=judged.got,
        expected="budgets that allow one at some time, and healthy pods enough for it",
        next_step="raise the replicas or lower the budget at its source, mend the pods that are "
        "broken, or let the budget evict broken ones (unhealthyPodEvictionPolicy: AlwaysAllow). "
        "Do not delete it",
    )


def place_elsewhere(service: ServiceSituation, target: str) -> GuardResult:
    """K14: each pod finds another node, as far as that can be told."""
    judged = _judge(service, target, _place)
    return guard_result(
        "K14",
        "some other node can take each pod",
        subject=target,
        holds=judged.holds,
        got=judged.got,
        expected="for each a ready node that it tolerates, with what it requests free",
        next_step="add a node, uncordon one, or free room; then plan again",
    )


def made_again(service: ServiceSituation, target: str) -> GuardResult:
    """K15: no pod is lost."""
    judged = _judge(service, target, _made_again)
    return guard_result(
        "K15",
        "each pod is made again by its controller",
        subject=target,
        holds=judged.holds,
        got=judged.got,
        expected="pods of a Deployment, ReplicaSet or StatefulSet",
        next_step="wait for a job to end; move a bare pod by hand, as its owner says",
    )


def nothing_left_behind(service: ServiceSituation, target: str) -> GuardResult:
    """K16: no data are lost."""
    judged = _judge(service, target, _left_behind)
    return guard_result(
        "K16",
        "no pod leaves data behind",
        subject=target,
        holds=judged.holds,
        got=judged.got,
        expected="no emptyDir and no hostPath, but for what the pod declares safe to lose",
        next_step="where the data may be lost, say so at its source: the annotation "
        "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes with the volumes' names",
    )


def no_key_moves(service: ServiceSituation, target: str) -> GuardResult:
    """K17: a validator is not moved by a drain."""
    return _keys_stay(target, _judge(service, target, _key))


def key_stays(service: ServiceSituation, target: str) -> GuardResult:
    """K17, for one pod."""
    return _keys_stay(target, _judge(service, target, _key, alone=True))


def _keys_stay(target: str, judged: _Judged) -> GuardResult:
    return guard_result(
        "K17",
        "no validator's key is moved",
        subject=target,
        holds=judged.holds,
        got=judged.got,
        expected="workloads of the role service, and namespaces under `others`",
        next_step="a validator is moved by its own runbook, never by a drain: its key must not run "
        "twice. What holds no key: add its workload, or its namespace under `others`",
    )


def no_lease(service: ServiceSituation, target: str) -> GuardResult:
    """K18: no tenant's pod is on the node."""
    judged = _judge(service, target, _lease)
    return guard_result(
        "K18",
        "no tenant's lease is served from it",
        subject=target,
        holds=judged.holds,
        got=judged.got,
        expected="no pod of a lease",
        next_step="a provider that cannot see its tenants' pods closes their leases: stop the "
        "provider daemon first, drain by hand, and start it when the pods run",
    )


def pods_end(service: ServiceSituation, target: str) -> GuardResult:
    """K20: an eviction ends each pod, and nothing but its kubelet says so."""
    judged = _judge(service, target, _ends)
    return guard_result(
        "K20",
        "each pod ends by its kubelet's word, and nobody keeps it",
        subject=target,
        holds=judged.holds,
        got=judged.got,
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
