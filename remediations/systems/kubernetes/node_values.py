"""What is read of the nodes that an inventory lets a plan cordon and drain."""

from __future__ import annotations

from remediations.values.reading import Reading
from remediations.values.record import Record

MOVED_OWNERS = frozenset({"ReplicaSet", "StatefulSet", "ReplicationController"})
"""Kinds of controllers that make a replica anew somewhere else, whichever was lost."""
STAYS = frozenset({"DaemonSet", "Node"})
"""Kinds of controllers whose pods belong to their node: a drain leaves them."""


class NodeCondition(Record, frozen=True, kw_only=True):
    """A condition of a node. `since` is the API's own text of the time when it changed last."""

    type: str
    status: str
    reason: str
    since: str


class NodePod(Record, frozen=True, kw_only=True):
    """A pod on a node. `owner` is the kind of its controller, "" for none. `local` are volumes
    whose data stay behind (emptyDir, hostPath), without those that it declares safe to lose.
    `takers` are the other nodes which can take it, as far as readiness, taints, node labels and
    requests tell; what else may tie it to its node is in `unjudged`. `fetched` are its images that
    none of the takers has. `lease` is whether it serves a tenant's lease, `stuck` whether it is not
    ready and will not be by waiting."""

    namespace: str
    name: str
    uid: str
    owner: str
    owner_name: str
    owner_uid: str
    phase: str
    ready: bool
    ending_since: str
    grace_s: int
    finalizers: tuple[str, ...]
    troubles: tuple[str, ...]
    local: tuple[str, ...]
    takers: tuple[str, ...]
    unjudged: tuple[str, ...]
    lease: bool
    stuck: bool
    fetched: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """Its name in plans."""
        return f"pod/{self.namespace}/{self.name}"

    @property
    def moves(self) -> bool:
        """Whether a drain moves it: not what belongs to its node, and not what has ended."""
        return self.owner not in STAYS and self.phase not in ("Succeeded", "Failed")


class NodeState(Record, frozen=True, kw_only=True):
    """A node. `ready` is the status of its condition: `Unknown` where its kubelet is silent.
    `version` is its resourceVersion, which each heartbeat may move; `ours` is whether we cordoned
    it (the mark, and the field manager of the field); `owners` is whoever else decides whether it
    is there, in words."""

    name: str
    uid: str
    version: str
    ready: str
    conditions: tuple[NodeCondition, ...]
    unschedulable: bool
    ours: bool
    taints: tuple[str, ...]
    kubelet: str
    owners: tuple[str, ...]
    pods: tuple[NodePod, ...]

    @property
    def target(self) -> str:
        """Its name in plans."""
        return node_target(self.name)

    @property
    def to_move(self) -> tuple[NodePod, ...]:
        """The pods that a drain moves."""
        return tuple(pod for pod in self.pods if pod.moves)


class OwnedOnNode(Record, frozen=True, kw_only=True):
    """How many pods of a controller are on one node, those that are ending not counted. `node` is
    "" for those that are on none yet."""

    node: str
    alive: int
    ready: int


class OwnedPods(Record, frozen=True, kw_only=True):
    """The pods of one controller in the cluster."""

    owner_uid: str
    nodes: tuple[OwnedOnNode, ...]

    @property
    def alive(self) -> int:
        """All that are not ending."""
        return sum(one.alive for one in self.nodes)

    def alive_on(self, node: str) -> int:
        """Those on a node."""
        return sum(one.alive for one in self.nodes if one.node == node)

    def ready_off(self, node: str) -> int:
        """Those that are ready on other nodes."""
        return sum(one.ready for one in self.nodes if one.node != node)


class Node(Record, frozen=True, kw_only=True):
    """A node of the inventory."""

    name: str
    state: Reading[NodeState]

    @property
    def target(self) -> str:
        """Its name in plans."""
        return node_target(self.name)


def node_target(name: str) -> str:
    """The name of a node in plans: no host can be called so."""
    return f"node/{name}"
