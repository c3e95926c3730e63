"""Which nodes cannot be drained, and why: said before anybody cordons one. Pure.

An eviction that a disruption budget forbids is answered with 429 for as long as the budget does, so
a drain waits for ever. Two kinds are known beforehand: a budget that can never allow one, and pods
that are broken and count all the same (the default, `IfHealthyBudget`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from remediations.systems.kubernetes.values import Budget, KubernetesReading, Pod
from remediations.values.reading import value_or_none


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
                names = ", ".join(budget.name for budget in covering)
                why = "it is in several budgets: the API server refuses to evict it"
                yield Deadlock(pod.node, pod.name, names, why)
            elif covering and (why := _why(covering[0], pod)):
                yield Deadlock(pod.node, pod.name, covering[0].name, why)


def _why(budget: Budget, pod: Pod) -> str:
    """Why the budget never lets this pod go; "" if it may, or if that is not known."""
    if budget.allowed is None:
        return ""
    if not pod.ready and budget.evicts_unready:
        return ""
    if budget.expected and budget.needed >= budget.expected:
        return f"it can never allow one: {budget.needed} of {budget.expected} must be healthy"
    if not pod.ready and budget.healthy < budget.needed:
        return (
            f"the pod is broken and counts all the same: {budget.healthy} healthy, {budget.needed} "
            "needed (unhealthyPodEvictionPolicy is not AlwaysAllow)"
        )
    return ""
