"""From answers of the API server about nodes, and the pods on them, to values. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from remediations.render.printable import one_line
from remediations.systems.kubernetes.api import MANAGER
from remediations.systems.kubernetes.node_values import (
    NodeCondition,
    NodePod,
    NodeState,
    OwnedOnNode,
    OwnedPods,
)
from remediations.systems.kubernetes.parse import gitops_marks
from remediations.systems.kubernetes.parse_budgets import budget
from remediations.systems.kubernetes.parse_pods import troubles_of
from remediations.systems.kubernetes.scheduling import (
    Room,
    fetched_images,
    has_ended,
    rooms_of,
    takers_of,
    unjudged,
)
from remediations.systems.kubernetes.tree import SHORT, Tree, at, number, text, texts, trees
from remediations.systems.kubernetes.values import Budget

CORDONED = "remediate/cordoned"
"""The annotation of a node that we cordoned: only that one is uncordoned by an undo."""
STUCK = frozenset(
    {
        *("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"),
        *("CrashLoopBackOff", "OOMKilled", "Error", "RunContainerError", "StartError"),
        *("CreateContainerError", "CreateContainerConfigError", "ContainerCannotRun"),
        "Unschedulable",
    }
)
"""Words for pods that do not become ready by waiting."""
STARTING = timedelta(minutes=2)
"""For so long a pod that is not ready, and does not say why, may be starting."""
MOST_PODS_ON_A_NODE = 500
_SAFE_VOLUMES = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
_SAFE = "cluster-autoscaler.kubernetes.io/safe-to-evict"
_LEASE = re.compile(r"akash\.network(/.*)?|virtengine\.(io|com)/lease.*")
_AUTOSCALED = re.compile(
    r"ToBeDeletedByClusterAutoscaler|DeletionCandidateOfClusterAutoscaler"
    r"|karpenter\.sh/(disrupted|disruption)|node\.cluster\.x-k8s\.io/.*"
)


class ClusterPods:
    """What is known of all pods of the cluster, for those on one node."""

    def __init__(self, nodes: Sequence[Tree], pods: Sequence[Tree], now: datetime) -> None:
        self.pods, self.now = list(pods), now
        self.rooms: tuple[Room, ...] = rooms_of(list(nodes), self.pods)

    def owners_on(self, nodes: Sequence[str]) -> frozenset[str]:
        """The controllers that have pods on these nodes."""
        those = (pod for pod in self.pods if at(pod, "spec", "nodeName") in nodes)
        return frozenset(uid for pod in those if (uid := _owner(pod)[2]))

    def owned(self, owners: frozenset[str]) -> tuple[OwnedPods, ...]:
        """The pods of these controllers; of one that has none any more, too."""
        alive: Counter[tuple[str, str]] = Counter()
        ready: Counter[tuple[str, str]] = Counter()
        for pod in self.pods:
            uid = _owner(pod)[2]
            if uid in owners and not _ending(pod) and not has_ended(pod):
                place = (uid, str(at(pod, "spec", "nodeName") or ""))
                alive[place] += 1
                ready[place] += is_ready(pod)
        return tuple(
            OwnedPods(
                owner_uid=owner,
                nodes=tuple(
                    OwnedOnNode(node=node, alive=alive[uid, node], ready=ready[uid, node])
                    for uid, node in sorted(alive)
                    if uid == owner
                ),
            )
            for owner in sorted(owners)
        )


def node_state(tree: Tree, cluster: ClusterPods) -> NodeState:
    """A node with its pods.

    Raises:
        TextError: something has another form.
    """
    name = text(tree, "metadata", "name")
    conditions = tuple(_condition(one) for one in trees(tree, "status", "conditions"))
    taints = trees(tree, "spec", "taints")
    pods = [pod for pod in cluster.pods if at(pod, "spec", "nodeName") == name]
    return NodeState(
        name=name,
        uid=text(tree, "metadata", "uid"),
        version=text(tree, "metadata", "resourceVersion"),
        ready=next((one.status for one in conditions if one.type == "Ready"), "Unknown"),
        conditions=conditions,
        unschedulable=at(tree, "spec", "unschedulable") is True,
        ours=cordoned_by_us(tree),
        taints=tuple(sorted(_taint(one) for one in taints)),
        kubelet=str(at(tree, "status", "nodeInfo", "kubeletVersion") or "unknown")[:80],
        owners=tuple(sorted(set(_owners(tree, taints)))),
        pods=tuple(
            sorted(
                (_pod(pod, cluster) for pod in pods[:MOST_PODS_ON_A_NODE]),
                key=lambda pod: (pod.namespace, pod.name),
            )
        ),
    )


def cordoned_by_us(tree: Tree) -> bool:
    """Whether a cordon is ours: it has our mark, and we own the field. A mark alone may be left
    over: somebody has uncordoned the node meanwhile, and cordoned it again."""
    mark = (at(tree, "metadata", "annotations") or {}).get(CORDONED)
    return (
        mark is not None
        and at(tree, "spec", "unschedulable") is True
        and any(
            one.get("manager") == MANAGER and _owns_cordon(one)
            for one in trees(tree, "metadata", "managedFields")
        )
    )


def _owns_cordon(entry: Tree) -> bool:
    fields = at(entry, "fieldsV1", "f:spec")
    return isinstance(fields, dict) and "f:unschedulable" in fields


def _condition(one: Tree) -> NodeCondition:
    return NodeCondition(
        type=text(one, "type"),
        status=text(one, "status"),
        reason=one_line(str(one.get("reason") or ""))[:80],
        since=one_line(str(one.get("lastTransitionTime") or ""))[:40],
    )


def _taint(one: Tree) -> str:
    value = f"={one['value']}" if one.get("value") else ""
    return one_line(f"{one.get('key')}{value}:{one.get('effect')}")[:SHORT]


def _owners(tree: Tree, taints: list[Tree]) -> Iterator[str]:
    """Whoever else decides whether the node is there, or takes pods: an owner reference (a
    NodeClaim, a Machine), marks of GitOps controllers, an autoscaler that removes it, and who
    else sets `unschedulable` without being a person at a shell."""
    for ref in trees(tree, "metadata", "ownerReferences"):
        yield one_line(f"{ref.get('kind')} {ref.get('name')} (owner reference)")[:SHORT]
    yield from gitops_marks(tree)
    for one in taints:
        if _AUTOSCALED.fullmatch(str(one.get("key"))):
            yield f"an autoscaler that removes it (taint {one_line(str(one.get('key')))[:80]})"
    for one in trees(tree, "metadata", "managedFields"):
        manager = str(one.get("manager", ""))
        if _owns_cordon(one) and manager != MANAGER and not manager.startswith("kubectl"):
            yield one_line(f"field manager {manager} (unschedulable)")[:SHORT]


def _owner(pod: Tree) -> tuple[str, str, str]:
    for ref in trees(pod, "metadata", "ownerReferences"):
        if ref.get("controller") is True:
            return str(ref.get("kind")), str(ref.get("name")), str(ref.get("uid"))
    return "", "", ""


def _ending(pod: Tree) -> bool:
    return at(pod, "metadata", "deletionTimestamp") is not None


def is_ready(pod: Tree) -> bool:
    """Whether its condition says so."""
    return any(
        one.get("type") == "Ready" and one.get("status") == "True"
        for one in trees(pod, "status", "conditions")
    )


def _pod(tree: Tree, cluster: ClusterPods) -> NodePod:
    kind, name, uid = _owner(tree)
    labels = texts(tree, "metadata", "labels")
    finalizers = at(tree, "metadata", "finalizers") or []
    takers = takers_of(tree, cluster.rooms)
    return NodePod(
        namespace=text(tree, "metadata", "namespace"),
        name=text(tree, "metadata", "name"),
        uid=text(tree, "metadata", "uid"),
        owner=kind,
        owner_name=name,
        owner_uid=uid,
        phase=str(at(tree, "status", "phase") or "Unknown"),
        ready=is_ready(tree),
        ending_since=one_line(str(at(tree, "metadata", "deletionTimestamp") or ""))[:40],
        grace_s=number(tree, "spec", "terminationGracePeriodSeconds", absent=30),
        finalizers=tuple(sorted(one_line(str(one))[:80] for one in finalizers)),
        troubles=troubles_of(tree),
        local=tuple(sorted(_local(tree))),
        takers=takers,
        fetched=tuple(one_line(one)[:SHORT] for one in fetched_images(tree, cluster.rooms, takers)),
        unjudged=tuple(dict.fromkeys(one_line(one)[:120] for one in unjudged(tree))),
        lease=any(_LEASE.fullmatch(key) for key in labels),
        stuck=_broken(tree, cluster.now),
    )


def _local(pod: Tree) -> Iterator[str]:
    """Volumes whose data stay behind, unless the pod declares that they may be lost."""
    notes = texts(pod, "metadata", "annotations")
    if notes.get(_SAFE) == "true":
        return
    safe = {name.strip() for name in notes.get(_SAFE_VOLUMES, "").split(",")}
    for volume in trees(pod, "spec", "volumes"):
        kind = next((one for one in ("emptyDir", "hostPath") if one in volume), None)
        if kind and volume.get("name") not in safe:
            yield one_line(f"{volume.get('name')} ({kind})")[:120]


def budget_of_all(tree: Tree, pods: Sequence[Tree], now: datetime) -> Budget:
    """A disruption budget, with its pods among those of the whole cluster.

    Raises:
        TextError: something has another form.
    """
    namespace = text(tree, "metadata", "namespace")
    own = [pod for pod in pods if at(pod, "metadata", "namespace") == namespace]
    found = budget(tree, own)
    covered = (pod for pod in own if at(pod, "metadata", "name") in found.pods)
    broken = sorted(text(pod, "metadata", "name") for pod in covered if _broken(pod, now))
    return Budget(
        name=found.name,
        allowed=found.allowed,
        healthy=found.healthy,
        needed=found.needed,
        expected=found.expected,
        evicts_unready=found.evicts_unready,
        pods=found.pods,
        namespace=namespace,
        broken=tuple(broken),
    )


def _broken(pod: Tree, now: datetime) -> bool:
    """Whether it is not ready, and will not be by waiting."""
    if is_ready(pod) or _ending(pod):
        return False
    if STUCK & set(troubles_of(pod)):
        return True
    since = next(
        (one for one in trees(pod, "status", "conditions") if one.get("type") == "Ready"), {}
    ).get("lastTransitionTime")
    return _age(since, now) > STARTING


def _age(since: Any, now: datetime) -> timedelta:  # noqa: ANN401 - of a JSON tree
    try:
        return now - datetime.fromisoformat(str(since))
    except (ValueError, TypeError):
        return timedelta(0)
