"""Which nodes cannot be drained, and why: said before anybody cordons one. Pure.

An eviction that a disruption budget forbids is answered with 429 for as long as the budget does, so
a drain waits for ever. Two kinds are known beforehand: a budget that can never allow one, and pods
that are broken and count all the same (the default, `IfHealthyBudget`). Pods that are starting are
none of these: they will be healthy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import UnsetType

from remediations.render.formats import name_some
from remediations.systems.kubernetes.node_values import NodePod, NodeState
from remediations.systems.kubernetes.values import Budget, KubernetesReading
from remediations.values.reading import Unknown, value_or_none

SEVERAL = "it is in several budgets: the API server refuses to evict it"


class Deadlock(NamedTuple):
    """A pod that cannot be evicted from its node."""

    node: str
    pod: str
    budget: str
    why: str


def drain_deadlocks(reading: KubernetesReading) -> tuple[Deadlock, ...]:
    """Every pod of the inventory's workloads that a drain of its node would wait for in vain, by
    node. Empty where the budgets were not read: that is said elsewhere."""
    budgets = value_or_none(reading.budgets) or ()
    return tuple(sorted(_deadlocks(reading, budgets)))


def _deadlocks(reading: KubernetesReading, budgets: tuple[Budget, ...]) -> Iterator[Deadlock]:
    for workload in reading.workloads:
        state = value_or_none(workload.state)
        for pod in () if state is None else state.pods:
            covering = [budget for budget in budgets if pod.name in budget.pods]
            if pod.deleting or not pod.node:
                continue
            if len(covering) > 1:
                yield Deadlock(pod.node, pod.name, name_some(_names(covering)), SEVERAL)
            elif covering and (why := _why(covering[0], ready=pod.ready)):
                yield Deadlock(pod.node, pod.name, covering[0].name, why)


def pod_deadlock(reading: KubernetesReading, node: NodeState, pod: NodePod) -> Deadlock | None:
    """Why a pod on a node can never be evicted; None if it can, as far as its budgets go.

    Raises:
        LookupError: that is not known; says why.
    """
    if isinstance(reading.nodes, UnsetType):
        raise LookupError("no node was read")
    budgets = reading.nodes.budgets
    if isinstance(budgets, Unknown):
        raise LookupError(budgets.reason)
    covering = [
        budget
        for budget in budgets.value
        if budget.namespace == pod.namespace and pod.name in budget.pods
    ]
    if not covering:
        return None
    if len(covering) > 1:
        return Deadlock(node.name, pod.name, name_some(_names(covering)), SEVERAL)
    (budget,) = covering
    if budget.allowed is None or not budget.expected:
        raise LookupError(
            f"{budget.name}: its controller has not seen its newest form, or cannot tell how many "
            "pods it is about"
        )
    here = frozenset(one.name for one in node.pods if one.namespace == pod.namespace)
    why = _why(budget, ready=pod.ready, here=here)
    return Deadlock(node.name, pod.name, budget.name, why) if why else None


def _names(budgets: list[Budget]) -> list[str]:
    return [budget.name for budget in budgets]


def _why(budget: Budget, *, ready: bool, here: frozenset[str] = frozenset()) -> str:
    """Why the budget never lets a pod go; "" if it may, or if that is not known. `here` are the
    pods of its node: those of them that are broken go first, and come back elsewhere."""
    if budget.allowed is None:
        return ""
    if not ready and budget.evicts_unready:
        return ""
    if budget.expected and budget.needed >= budget.expected:
        return f"it can never allow one: {budget.needed} of {budget.expected} must be healthy"
    if isinstance(budget.broken, UnsetType):
        stuck = not ready and budget.healthy < budget.needed
        return _broken_says(budget, "the pod is broken and counts all the same") if stuck else ""
    short = budget.expected - len(budget.broken) < budget.needed
    if not ready:
        return _broken_says(budget, "the pod is broken and counts all the same") if short else ""
    leave = not short or budget.evicts_unready
    stay = [name for name in budget.broken if not (leave and name in here)]
    if not budget.allowed and budget.expected - len(stay) <= budget.needed:
        return _broken_says(budget, f"pods are broken and take its room: {name_some(stay)}")
    return ""


def _broken_says(budget: Budget, what: str) -> str:
    policy = "" if budget.evicts_unready else " (unhealthyPodEvictionPolicy is not AlwaysAllow)"
    return f"{what}: {budget.healthy} healthy, {budget.needed} needed{policy}"
