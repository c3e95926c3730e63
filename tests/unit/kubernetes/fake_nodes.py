"""Nodes, pods on them, and disruption budgets, as an API server has them."""

from __future__ import annotations

from typing import Any

from tests.unit.kubernetes.fake_api import GOOD, FakeApi, Tree, deployment, pod, replica_set

LONG_AGO = "2026-01-01T00:00:00Z"
LABELS = {"app": "scorer"}


def node(name: str, *, ready: str = "True", taints: tuple[Tree, ...] = (), **spec: Any) -> Tree:  # noqa: ANN401
    """A node with room for ten pods, four processors and eight gibibytes."""
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-of-{name}",
            "resourceVersion": "7",
            "labels": {"kubernetes.io/hostname": name},
        },
        "spec": {**({"taints": list(taints)} if taints else {}), **spec},
        "status": {
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"},
            "conditions": [
                {"type": "MemoryPressure", "status": "False", "reason": "Enough"},
                {
                    "type": "Ready",
                    "status": ready,
                    "reason": "KubeletReady",
                    "lastTransitionTime": LONG_AGO,
                },
            ],
            "nodeInfo": {"kubeletVersion": "v1.35.4"},
        },
    }


def on_node(
    name: str,
    where: str = "n1",
    *,
    namespace: str = "scoring",
    reason: str = "",
    owner: tuple[str, str] = ("ReplicaSet", "uid-of-old"),
    **spec: Any,  # noqa: ANN401 - of a JSON tree
) -> Tree:
    """A pod of the scorer on a node; with a reason it is not ready."""
    tree = pod(name, "old", GOOD, reason=reason)
    tree["metadata"].update(namespace=namespace, resourceVersion="3")
    kind, uid = owner
    ref = {"kind": kind, "name": uid.removeprefix("uid-of-"), "uid": uid, "controller": True}
    tree["metadata"]["ownerReferences"] = [ref] if kind else []
    containers = [{"name": "scorer", "image": GOOD, "resources": {"requests": {"cpu": "500m"}}}]
    tree["spec"] = {
        "nodeName": where,
        "terminationGracePeriodSeconds": 30,
        "containers": containers,
        **spec,
    }
    return tree


def budget(name: str = "keep", *, policy: str = "", **status: int) -> Tree:
    """A disruption budget over the pods of the scorer: one of two may go."""
    told = {"observedGeneration": 1, "expectedPods": 2, "currentHealthy": 2, "desiredHealthy": 1}
    return {
        "metadata": {"name": name, "namespace": "scoring", "generation": 1},
        "spec": {
            "selector": {"matchLabels": LABELS},
            **({"unhealthyPodEvictionPolicy": policy} if policy else {}),
        },
        "status": {**told, "disruptionsAllowed": 1, **status},
    }


def two_nodes() -> FakeApi:
    """The scorer on two nodes, one replica on each, and its budget."""
    api = FakeApi(deployment(GOOD))
    api.lists["replicasets"] = [replica_set("old", GOOD, 2)]
    api.lists["pods"] = [on_node("p1", "n1"), on_node("p2", "n2")]
    api.lists["nodes"] = [node("n1"), node("n2")]
    api.lists["poddisruptionbudgets"] = [budget()]
    for one in api.lists["nodes"]:
        api.objects[f"/api/v1/nodes/{one['metadata']['name']}"] = one
    for one in api.lists["pods"]:
        api.objects[pod_path(one["metadata"]["name"])] = one
    return api


def pod_path(name: str) -> str:
    """Where a pod is."""
    return f"/api/v1/namespaces/scoring/pods/{name}"
