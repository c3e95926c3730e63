"""What is wrong with a node that may be drained, and whether a drain is the cure. Pure.

A node whose kubelet is silent is lost: nobody can say that its pods have ended, so no drain of it
ends. A node that answers and is not ready, or says that it is short of something, can be drained.
So can one on which the same template crashes that is ready elsewhere: then it is not the release.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from remediations.engine.find.finding import Health
from remediations.playbooks.service.conditions import CRASH_WORDS, IMAGE_WORDS
from remediations.render.formats import count_of, name_some
from remediations.systems.kubernetes.node_values import Node, NodeState
from remediations.systems.kubernetes.values import KubernetesReading, Workload
from remediations.values.reading import Unknown, value_or_none

SICK_CONDITIONS = frozenset(
    {
        *("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"),
        *("KernelDeadlock", "ReadonlyFilesystem", "FrequentKubeletRestart"),
        *("FrequentContainerdRestart", "FrequentUnregisterNetDevice"),
    }
)
"""Conditions that are bad where they are true: the kubelet's own, and the node problem detector's.
Others are left alone: of some, true is good."""


class NodeVerdict(StrEnum):
    """rules/conditions.md has each."""

    UNREAD = "node-unread"
    LOST = "node-lost"
    NOT_READY = "node-not-ready"
    SHORT = "node-under-pressure"
    PODS_FAIL = "pods-fail-on-one-node"
    CORDONED = "node-cordoned"
    WELL = "node-well"


DRAIN_CURES = (NodeVerdict.NOT_READY, NodeVerdict.SHORT, NodeVerdict.PODS_FAIL)


class JudgedNode(NamedTuple):
    """A verdict, its health, and why in one sentence."""

    verdict: NodeVerdict
    health: Health
    cause: str


def judge_node(reading: KubernetesReading, node: Node) -> JudgedNode:
    """What is wrong with it, the gravest first."""
    if isinstance(node.state, Unknown):
        return JudgedNode(NodeVerdict.UNREAD, Health.UNKNOWN, node.state.reason)
    state = node.state.value
    if state.ready not in ("True", "False"):
        return JudgedNode(NodeVerdict.LOST, Health.DEGRADED, _silent(state))
    if state.unschedulable and not state.to_move:
        cause = "it is cordoned, and nothing is on it that a drain moves"
        return JudgedNode(NodeVerdict.CORDONED, Health.WELL, cause)
    if state.ready == "False":
        return JudgedNode(NodeVerdict.NOT_READY, Health.DEGRADED, _condition(state, "Ready"))
    short = [one for one in state.conditions if one.type in SICK_CONDITIONS]
    short = [one for one in short if one.status == "True"]
    if short:
        cause = "; ".join(_condition(state, one.type) for one in short)
        return JudgedNode(NodeVerdict.SHORT, Health.DEGRADED, cause)
    failing = "; ".join(filter(None, (_fails(one, state) for one in reading.workloads)))
    if failing:
        return JudgedNode(NodeVerdict.PODS_FAIL, Health.DEGRADED, failing)
    if state.unschedulable:
        who = "we have" if state.ours else "somebody has"
        cause = f"{who} cordoned it; {count_of(len(state.to_move), 'pod')} to move"
        return JudgedNode(NodeVerdict.CORDONED, Health.WELL, cause)
    cause = f"ready, kubelet {state.kubelet}, {count_of(len(state.to_move), 'pod')} to move"
    return JudgedNode(NodeVerdict.WELL, Health.WELL, cause)


def _condition(state: NodeState, kind: str) -> str:
    found = next((one for one in state.conditions if one.type == kind), None)
    if found is None:
        return f"it has no condition {kind}"
    reason = f" ({found.reason})" if found.reason else ""
    since = f" since {found.since}" if found.since else ""
    return f"{kind} is {found.status}{reason}{since}"


def _silent(state: NodeState) -> str:
    ending = [pod.name for pod in state.pods if pod.ending_since]
    told = f"; ending, and nobody says that they have ended: {name_some(ending)}" if ending else ""
    return f"its kubelet is silent: {_condition(state, 'Ready')}{told}"


def _fails(workload: Workload, node: NodeState) -> str:
    """How a workload fails on this node alone: its pods there crash or are not pulled, none there
    is ready, and pods of the same template are ready elsewhere, where none fails. "" if not so."""
    state = value_or_none(workload.state)
    pods = () if state is None else tuple(pod for pod in state.pods if not pod.deleting)
    failing = [pod for pod in pods if set(pod.troubles) & (CRASH_WORDS | IMAGE_WORDS)]
    here = [pod for pod in failing if pod.node == node.name]
    templates = {pod.template_hash for pod in here}
    alike = [pod for pod in pods if pod.template_hash in templates]
    ready = [pod for pod in alike if pod.ready]
    if not here or len(here) < len(failing) or not ready or not all(templates):
        return ""
    if any(pod.node == node.name for pod in ready):
        return ""
    return (
        f"{count_of(len(here), 'pod')} of {workload.entry.target} fail here "
        f"({', '.join(sorted({word for pod in here for word in pod.troubles}))}), and the same "
        f"template is ready {len(ready)} times on other nodes"
    )
