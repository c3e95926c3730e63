"""What a drain needs of the cluster: all pods on one node, everybody's budgets, and a witness."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.lab.kube.cluster import Cluster
from tests.lab.kube.service import NAMESPACE, SCORER, OnCall, Service, more_roles_of_the_docs

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


def budget(cluster: Cluster, least: int) -> None:
    """A disruption budget over the service, seen by its controller."""
    cluster.apply(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "keep", "namespace": NAMESPACE},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": SCORER}}},
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


class Witness:
    """Every change of the service's pods, as the API server tells it."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    @property
    def least_ready(self) -> int:
        """The fewest pods that were ready, and not ending, at any moment after all had been."""
        ready: set[str] = set()
        least, most = 0, 0
        for event in self._events():
            tree = event["object"]
            meta = tree["metadata"]
            told = tree.get("status", {}).get("conditions", ())
            serves = any(one["type"] == "Ready" and one["status"] == "True" for one in told)
            ends = "deletionTimestamp" in meta or event["type"] == "DELETED"
            (ready.add if serves and not ends else ready.discard)(meta["uid"])
            if len(ready) > most:
                least = most = len(ready)
            least = min(least, len(ready))
        return least

    @property
    def ended(self) -> list[str]:
        """The uids of the pods that ended, each as often as it did."""
        return [
            event["object"]["metadata"]["uid"]
            for event in self._events()
            if event["type"] == "DELETED"
        ]

    def _events(self) -> Iterator[Json]:
        every = (json.loads(line) for line in self._lines)
        return (event for event in every if event["object"]["kind"] == "Pod")


@contextmanager
def witnessed(cluster: Cluster) -> Iterator[Witness]:
    """Watch the service's pods meanwhile."""
    words = (str(cluster.bin / "kubectl"), "--kubeconfig", str(cluster.admin))
    path = f"/api/v1/namespaces/{NAMESPACE}/pods?watch=1&labelSelector=app%3D{SCORER}"
    lines: list[str] = []
    with subprocess.Popen(
        cluster.inside(*words, "get", "--raw", path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=lines.extend, args=(process.stdout,))
        reader.start()
        try:
            yield Witness(lines)
        finally:
            process.terminate()
            reader.join(timeout=10)
