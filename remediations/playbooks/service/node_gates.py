"""The gates of a drain and of a stuck pod. Pure."""

from __future__ import annotations

from typing import ClassVar

from msgspec import UnsetType

from remediations.engine.apply.look import GateVerdict
from remediations.systems.kubernetes.node_values import NodeState, OwnedPods
from remediations.systems.kubernetes.values import KubernetesReading, WorkloadState
from remediations.values.part import Kinded
from remediations.values.reading import Unknown
from remediations.values.record import Record


class Replicas(Record, frozen=True, kw_only=True):
    """How many pods a controller had in the cluster when the plan was made."""

    owner: str
    owner_uid: str
    count: int


class Cordoned(Kinded, frozen=True, kw_only=True):
    """A gate: the node is cordoned, and of every controller whose pods are to move, those on other
    nodes are ready: the first eviction begins from there."""

    KIND: ClassVar[str] = "service.cordoned/1"

    node: str
    replicas: tuple[Replicas, ...]


class Moved(Kinded, frozen=True, kw_only=True):
    """A gate: the pod of this uid is gone from the node, and its controller has as many ready pods
    on other nodes as it had pods, without those that are on the node still. `scored` is the
    workload whose ready pods on other nodes give the agreed answers then (`ScoresBefore`), "" where
    the pod is of none that scores."""

    KIND: ClassVar[str] = "service.moved/1"

    node: str
    pod: str
    uid: str
    replicas: Replicas
    scored: str = ""


class Replaced(Kinded, frozen=True, kw_only=True):
    """A gate: a pod of that name with another uid is ready, of the workload's newest revision."""

    KIND: ClassVar[str] = "service.replaced/1"

    workload: str
    pod: str
    uid: str


def owners_of(gates: tuple[Cordoned | Moved, ...]) -> frozenset[str]:
    """The controllers whose pods the gates ask for."""
    found: set[str] = set()
    for gate in gates:
        every = gate.replicas if isinstance(gate, Cordoned) else (gate.replicas,)
        found |= {one.owner_uid for one in every}
    return frozenset(found)


def judge_cordoned(asked: Cordoned, reading: KubernetesReading) -> GateVerdict:
    """Whether the first pod may go."""
    found = _node(reading, asked.node)
    if isinstance(found, str):
        return GateVerdict(open=False, seen=found)
    if not found.unschedulable:
        return GateVerdict(open=False, seen=f"{asked.node} is schedulable")
    lacks = [said for one in asked.replicas if (said := _lack(one, asked.node, reading))]
    if lacks:
        return GateVerdict(open=False, seen="; ".join(lacks[:3]))
    return GateVerdict(open=True, seen=f"{asked.node} is cordoned")


def judge_moved(asked: Moved, reading: KubernetesReading) -> GateVerdict:
    """Whether a pod has moved."""
    found = _node(reading, asked.node)
    if isinstance(found, str):
        return GateVerdict(open=False, seen=found)
    pod = next((one for one in found.pods if one.uid == asked.uid), None)
    if pod is not None:
        how = f"ending since {pod.ending_since}" if pod.ending_since else "not ending"
        keeps = f", kept by {', '.join(pod.finalizers)}" if pod.finalizers else ""
        return GateVerdict(open=False, seen=f"{asked.pod} is there still, {how}{keeps}")
    lack = _lack(asked.replicas, asked.node, reading)
    return GateVerdict(open=not lack, seen=lack or f"{asked.pod} has moved")


def judge_replaced(asked: Replaced, state: WorkloadState | None, why: str = "") -> GateVerdict:
    """Whether a stuck pod has come back from the newest template. `why` is the reason where its
    workload was not read."""
    if state is None:
        return GateVerdict(open=False, seen=f"not read: {why}" if why else "not read")
    pod = next((one for one in state.pods if one.name == asked.pod), None)
    if pod is None or pod.uid == asked.uid:
        seen = "gone, and not made again yet" if pod is None else "the same pod is there still"
        return GateVerdict(open=False, seen=f"{asked.pod}: {seen}")
    if not pod.ready or pod.template_hash != state.update_revision:
        seen = f"{asked.pod} of {pod.template_hash} is not ready: {pod.says or pod.phase}"
        return GateVerdict(open=False, seen=seen)
    return GateVerdict(open=True, seen=f"{asked.pod} is ready, of {pod.template_hash}")


def left_on(reading: KubernetesReading, node: str) -> tuple[str, ...] | str:
    """The pods on a node that a drain moves; a text says why that is not known."""
    found = _node(reading, node)
    if isinstance(found, str):
        return found
    return tuple(f"{pod.namespace}/{pod.name}" for pod in found.to_move)


def _node(reading: KubernetesReading, name: str) -> NodeState | str:
    for node in reading.declared_nodes:
        if node.name == name:
            return node.state.reason if isinstance(node.state, Unknown) else node.state.value
    return f"{name} was not read"


def _lack(one: Replicas, node: str, reading: KubernetesReading) -> str:
    """What a controller lacks on other nodes; "" for nothing."""
    if isinstance(reading.nodes, UnsetType):
        return "no node was read"
    owned = reading.nodes.owned
    if isinstance(owned, Unknown):
        return owned.reason
    nothing = OwnedPods(owner_uid=one.owner_uid, nodes=())
    found = next((o for o in owned.value if o.owner_uid == one.owner_uid), nothing)
    wanted, ready = one.count - found.alive_on(node), found.ready_off(node)
    return "" if ready >= wanted else f"{one.owner}: {ready} of {wanted} ready on other nodes"
