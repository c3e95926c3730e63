"""Cordoning a node, and taking exactly that back. Pure.

A cordon leaves a mark beside it (`remediate/cordoned`), and an undo takes back what has the mark
and is still ours: a cordon that somebody else has made for reasons of their own stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remediations.engine.domain import StepData
from remediations.systems.kubernetes.node_values import NodeState
from remediations.systems.kubernetes.parse_nodes import CORDONED, cordoned_by_us
from remediations.systems.kubernetes.tree import at

Tree = dict[str, Any]
CORDON, UNCORDON = "cordon", "uncordon"
UNSCHEDULABLE = "/spec/unschedulable"
MARK = f"/metadata/annotations/{CORDONED.replace('/', '~1')}"
DRAINS = "a drain"
"""The value of the mark. Which plan it was, the claim beside it says."""
FIELD = "unschedulable"


def node_data(cluster: str, state: NodeState) -> dict[str, str | int]:
    """What the deploys need of a node."""
    return {"cluster": cluster, "name": state.name, "uid": state.uid}


def cordon(data: StepData) -> dict[str, Any]:
    """The fields of the write that cordons."""
    return {
        **_node(data),
        "expect": {UNSCHEDULABLE: None},
        "effect": {UNSCHEDULABLE: True, MARK: DRAINS},
        "patch": {
            "metadata": {"annotations": {CORDONED: DRAINS}},
            "spec": {"unschedulable": True},
        },
    }


def uncordon(data: StepData) -> dict[str, Any]:
    """The fields of the write that takes our cordon back."""
    return {
        **_node(data),
        "expect": {UNSCHEDULABLE: True, MARK: DRAINS},
        "effect": {UNSCHEDULABLE: None, MARK: None},
        "patch": {
            "metadata": {"annotations": {CORDONED: None}},
            "spec": {"unschedulable": None},
        },
    }


def _node(data: StepData) -> dict[str, Any]:
    return {
        "cluster": str(data["cluster"]),
        "namespace": "",
        "group": "v1",
        "plural": "nodes",
        "name": str(data["name"]),
        "uid": str(data["uid"]),
    }


def not_ours(tree: Tree, told: Mapping[str, object]) -> tuple[str, ...]:
    """Why a cordon that is said to have our mark is somebody else's, in words; empty otherwise."""
    if told.get(MARK) is None or cordoned_by_us(tree) or at(tree, "spec", FIELD) is not True:
        return ()
    return ("the mark is ours, and the cordon is not: somebody has made another one meanwhile",)


def cordon_shown(after: Tree) -> str:
    """What the API server makes of a cordon, "" where it would make nothing of it. The rest of a
    node moves by itself, so that the same cordon has the same preview a minute later."""
    if at(after, "spec", "unschedulable") is not True:
        return ""
    return f"spec.unschedulable: nothing → True; metadata.annotations: {CORDONED}: {DRAINS}"
