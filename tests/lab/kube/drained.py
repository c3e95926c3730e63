"""What a drain needs of the cluster: all pods on one node, everybody's budgets, and a witness."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from tests.lab.kube.cluster import Cluster
from tests.lab.kube.service import NAMESPACE, SCORER, OnCall, Service, more_roles_of_the_docs
from tests.lab.kube.witness import Witness
from tests.lab.kube.witness import witnessed as watching

Json = dict[str, Any]
NODE, OTHER = "n1", "n2"
DRAIN = ("--branch", "drain-node", "--node", NODE)
NODES = f"  nodes: [{NODE}]\n"


def all_on_one_node(service: Service, oncall: OnCall) -> None:
    """Both replicas of the service on the node that is drained, and the rights for it."""
    cluster = service.cluster
    cluster.kubectl("apply", "-f", "-", stdin=more_roles_of_the_docs())
    oncall.inventory(more=NODES)
    cluster.kubectl("cordon", OTHER)
    try:
        for pod in service.pods():
            cluster.kubectl("delete", "pod", pod, "-n", NAMESPACE, "--wait=false")
        cluster.wait("all on one node", lambda: places(service) == [NODE, NODE])
        cluster.wait("ready", service.whole)
    finally:
        cluster.kubectl("uncordon", OTHER)


def mend_nodes(cluster: Cluster) -> None:
    """As they were: schedulable, without anything of ours."""
    for node in (NODE, OTHER):
        cluster.kubectl("uncordon", node)
        names = cluster.get("node", node)["metadata"].get("annotations", {})
        ours = [f"{name}-" for name in names if name.startswith("remediate/")]
        if ours:
            cluster.kubectl("annotate", "node", node, *ours)


def pods(service: Service) -> list[Json]:
    """The pods of the service that are not ending."""
    found = service.cluster.get("pods", "-n", NAMESPACE, "-l", f"app={SCORER}")["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def places(service: Service) -> list[str]:
    """The nodes of its pods."""
    return sorted(str(pod["spec"].get("nodeName", "")) for pod in pods(service))


def uids(service: Service) -> set[str]:
    """Which pods they are."""
    return {str(pod["metadata"]["uid"]) for pod in pods(service)}


def node(cluster: Cluster, name: str = NODE) -> Json:
    """A node."""
    return cluster.get("node", name)


def is_cordoned(cluster: Cluster) -> bool:
    """Whether nothing new is placed on it."""
    return node(cluster)["spec"].get("unschedulable") is True


def marks(cluster: Cluster) -> set[str]:
    """What of ours is on the node."""
    names = node(cluster)["metadata"].get("annotations", {})
    return {name for name in names if name.startswith("remediate/")}


def budget(cluster: Cluster, least: int, unhealthy: str = "IfHealthyBudget") -> None:
    """A disruption budget over the service, seen by its controller; `unhealthy` is whether pods
    that are not ready may be evicted nevertheless (`AlwaysAllow`)."""
    cluster.apply(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "keep", "namespace": NAMESPACE},
            "spec": {
                "minAvailable": least,
                "selector": {"matchLabels": {"app": SCORER}},
                "unhealthyPodEvictionPolicy": unhealthy,
            },
        }
    )

    def seen() -> bool:
        tree = cluster.get("poddisruptionbudget", "keep", "-n", NAMESPACE)
        told = tree.get("status", {})
        return bool(
            told.get("observedGeneration") == tree["metadata"]["generation"]
            and told.get("expectedPods") == 2
        )

    cluster.wait("the budget is seen", seen)


def witnessed(service: Service) -> AbstractContextManager[Witness]:
    """Watch the pods of the service meanwhile."""
    return watching(service.cluster, NAMESPACE, f"app%3D{SCORER}")
