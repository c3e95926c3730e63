"""What `remediate doctor` says of a cluster: whether it can be read, and whether we may act."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import UnsetType

from remediations.engine.doctor.examination import Doctor, Examination
from remediations.engine.doctor.line import DoctorLine, lack_line, ok_line
from remediations.playbooks.service.finding import NAME
from remediations.render.formats import count_of
from remediations.systems.kubernetes.values import AccessRight, KubernetesReading
from remediations.systems.scoringpods.reading import PodsReading
from remediations.values.inventory import Inventory
from remediations.values.reading import Unknown

ROLE = "give the role of docs/kubernetes.md to whoever runs this"
SCORES_ROLE = "give the Role remediate-scores of docs/kubernetes.md to whoever runs this"


def _lines(
    _inventory: Inventory,
    examination: Examination,
    _asked: Any,  # noqa: ANN401 - nothing
) -> Sequence[DoctorLine]:
    part = examination.observation.part(KubernetesReading.KIND)
    pods = examination.observation.part(PodsReading.KIND)
    scored = () if pods is None else tuple(_scored(pods.read(PodsReading)))
    return scored if part is None else (*_of(part.read(KubernetesReading)), *scored)


def _of(reading: KubernetesReading) -> Iterator[DoctorLine]:
    cluster = reading.cluster
    if isinstance(cluster, Unknown):
        mend = f"mend the kubeconfig, or {ROLE}"
        yield lack_line(NAME, "cluster", cluster.reason, mend)
        return
    yield ok_line(NAME, "cluster", f"{cluster.value}, namespace {reading.namespace}")
    for workload in reading.workloads:
        topic = workload.entry.target
        if isinstance(workload.state, Unknown):
            yield lack_line(
                NAME, topic, workload.state.reason, "correct the inventory, or its role"
            )
        elif workload.state.value.owners:
            owners = ", ".join(workload.state.value.owners)
            mend = "it is changed where it comes from; no plan changes it here"
            yield lack_line(NAME, topic, f"owned: {owners}", mend)
        else:
            yield ok_line(NAME, topic, "can be read")
    if isinstance(reading.budgets, Unknown):
        yield lack_line(NAME, "disruption budgets", reading.budgets.reason, ROLE)
    yield from _nodes(reading)
    for right in reading.access:
        yield _right(right, ROLE)


def _scored(reading: PodsReading) -> Iterator[DoctorLine]:
    """The pods that are asked golden vectors, and the right to ask them."""
    for workload in reading.workloads:
        topic = f"answers of {workload.target}"
        if isinstance(workload.pods, Unknown):
            yield lack_line(NAME, topic, workload.pods.reason, SCORES_ROLE)
            continue
        pods = workload.pods.value
        lacks = [one.asks for one in pods if isinstance(one.asks, Unknown)]
        if lacks:
            yield lack_line(NAME, topic, lacks[0].reason, SCORES_ROLE)
        else:
            yield ok_line(NAME, topic, f"{count_of(len(pods), 'ready pod')} can be asked")
    for right in reading.access:
        yield _right(right, SCORES_ROLE)


def _right(right: AccessRight, mend: str) -> DoctorLine:
    topic = f"right to {right.verb} {right.resource}"
    if isinstance(right.allowed, Unknown):
        return lack_line(NAME, topic, right.allowed.reason, mend)
    if right.allowed.value:
        return ok_line(NAME, topic, "given")
    return lack_line(NAME, topic, "not given", mend)


def _nodes(reading: KubernetesReading) -> Iterator[DoctorLine]:
    """The nodes that the inventory declares, and the budgets of all namespaces."""
    for node in reading.declared_nodes:
        if isinstance(node.state, Unknown):
            mend = "correct the inventory, or give the ClusterRole remediate-nodes"
            yield lack_line(NAME, node.target, node.state.reason, mend)
        else:
            count = count_of(len(node.state.value.to_move), "pod")
            yield ok_line(NAME, node.target, f"can be read, {count} to move")
    if not isinstance(reading.nodes, UnsetType) and isinstance(reading.nodes.budgets, Unknown):
        mend = "give the ClusterRole remediate-nodes of docs/kubernetes.md"
        yield lack_line(NAME, "all disruption budgets", reading.nodes.budgets.reason, mend)


DOCTOR = Doctor(lines=_lines)
