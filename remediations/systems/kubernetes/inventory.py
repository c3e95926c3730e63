"""The section `kubernetes` of an inventory: which cluster, which namespace, which workloads.

kubernetes:
  kubeconfig: kubeconfig        # left out: the service account of the pod that runs us
  context: production           # left out: the current context of that file
  namespace: scoring
  owner_period_seconds: 180     # how often a controller of somebody else's makes it its own
  workloads:
    scorer:
      {kind: Deployment, role: service, floor: 1, container: scorer,
       scale: {normal: 2, max: 6, cost: one node of 8 processors for two, class: {cpu: avx2}}}
  nodes: [n1, n2]               # those that a plan may cordon and drain; left out: none
  others: [kube-system]         # namespaces whose pods a drain may move, too
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import ClassVar

from msgspec import UNSET, UnsetType

from remediations.engine.observe.inventory_section import InventorySection, SectionForm
from remediations.engine.observe.inventory_table import InventoryTable
from remediations.errors import UsageError
from remediations.values.inventory import Inventory
from remediations.values.part import Kinded
from remediations.values.record import Record

SECTION = "kubernetes"
DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CONTEXT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_@:/.-]{0,252}")
_MOST_WORKLOADS = 50
_MOST_REPLICAS = 10_000
_MOST_NODES = 50
MOST_STEPS = 16
"""How far `max` may be above `normal`: each number between is tried by a dry run."""
_COST = re.compile(r"(?! )[ -~]{1,200}(?<! )")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LABEL_KEY = re.compile(rf"({DNS_NAME.pattern}/)?{_LABEL.pattern}")
ANY = "any"
_DAY_S = 24 * 3600
NO_OWNER_S = 0
"""Nobody else makes the workloads their own, as far as the inventory says."""


class WorkloadKind(StrEnum):
    """What a workload is. Others are not acted on."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"

    @property
    def plural(self) -> str:
        """The name of the resource in paths and in roles."""
        return f"{self.value.lower()}s"


class WorkloadRole(StrEnum):
    """What a workload is there for. One that holds a validator's key must never run twice, so its
    operator has to say which it is: what nobody says is not taken for a service."""

    SERVICE = "service"
    VALIDATOR = "validator"


class ScaleLimits(Record, frozen=True, kw_only=True):
    """How far people let a workload be scaled: from `normal`, the number while nothing is wrong, to
    `most`. `cost` is what more cost, in words. `node_class` are the labels, as `NAME=VALUE`, to
    which its pods have to be bound: their processors decide about the numbers; empty where people
    declared that any will do."""

    normal: int
    most: int
    cost: str
    node_class: tuple[str, ...]

    def choices(self, now: int) -> tuple[int, ...]:
        """The numbers that it may be scaled to."""
        return tuple(n for n in range(self.normal, self.most + 1) if n != now)


class WorkloadEntry(Record, frozen=True, kw_only=True):
    """A workload, as its operator says. `floor` is how many replicas must stay available;
    `container` is the one whose image is the version, None if there is only one; `good` is the
    digest of an image that is known to work, `scale` how far it may be scaled; None if nobody says
    so."""

    name: str
    kind: WorkloadKind
    role: WorkloadRole
    floor: int
    container: str | None
    good: str | None
    scale: ScaleLimits | None = None

    @property
    def target(self) -> str:
        """Its name in plans: no host can be called so."""
        return f"{self.kind.value.lower()}/{self.name}"


class ClusterEntry(Kinded, frozen=True, kw_only=True):
    """The cluster and the namespace. `kubeconfig` is an absolute path, None for the service account
    of a pod; `context` is None for the current one. `nodes` are those that may be cordoned and
    drained, `others` namespaces whose pods hold no validator's key, by their operator's word."""

    KIND: ClassVar[str] = "kubernetes.cluster/1"

    kubeconfig: str | None
    context: str | None
    namespace: str
    owner_period_s: int
    workloads: tuple[WorkloadEntry, ...]
    nodes: tuple[str, ...] | UnsetType = UNSET
    others: tuple[str, ...] | UnsetType = UNSET

    @property
    def drainable(self) -> tuple[str, ...]:
        """The nodes that a plan may cordon and drain."""
        return () if isinstance(self.nodes, UnsetType) else self.nodes

    @property
    def movable(self) -> tuple[str, ...]:
        """The namespaces whose pods a drain may move beside the declared workloads."""
        return () if isinstance(self.others, UnsetType) else self.others


def cluster_of(inventory: Inventory) -> ClusterEntry:
    """The cluster.

    Raises:
        UsageError: the inventory has none.
    """
    part = inventory.part(ClusterEntry.KIND)
    if part is None:
        raise UsageError(
            f"{inventory.path or 'the inventory'} has no section `{SECTION}`",
            guard="inventory",
            got="no such section",
            expected=f"`{SECTION}: {{namespace: …, workloads: {{…}}}}` in the inventory",
            next_step="add it (docs/kubernetes.md)",
        )
    return part.read(ClusterEntry)


def _cluster(table: InventoryTable) -> ClusterEntry:
    workloads = table.table("workloads")
    if not 0 < len(workloads.content) <= _MOST_WORKLOADS:
        raise table.wrong("workloads", f"1 to {_MOST_WORKLOADS} workloads, as `NAME: {{kind: …}}`")
    if "context" in table and "kubeconfig" not in table:
        raise table.wrong("context", "a kubeconfig beside it: inside a cluster there are none")
    return ClusterEntry(
        kubeconfig=table.file("kubeconfig"),
        context=table.optional("context", _CONTEXT, "the name of a context"),
        namespace=table.text("namespace", DNS_LABEL, "the name of a namespace"),
        owner_period_s=table.whole_number(
            "owner_period_seconds", 0, _DAY_S, default=NO_OWNER_S, unit="seconds"
        ),
        workloads=tuple(_workload(workloads, name) for name in workloads.content),
        nodes=_names(table, "nodes", DNS_NAME, "names of nodes") if "nodes" in table else UNSET,
        others=_others(table) if "others" in table else UNSET,
    )


def _names(
    table: InventoryTable, key: str, pattern: re.Pattern[str], expected: str
) -> tuple[str, ...]:
    found = table.content[key]
    if (
        not isinstance(found, list)
        or not 0 < len(found) <= _MOST_NODES
        or not all(isinstance(one, str) and pattern.fullmatch(one) for one in found)
        or len(set(found)) < len(found)
    ):
        raise table.wrong(key, f"a list of 1 to {_MOST_NODES} {expected}, each once")
    return tuple(str(one) for one in found)


def _others(table: InventoryTable) -> tuple[str, ...]:
    if "nodes" not in table:
        raise table.wrong("others", "`nodes` beside it: only a drain moves what is not a workload")
    return _names(table, "others", DNS_LABEL, "names of namespaces")


def _workload(workloads: InventoryTable, name: object) -> WorkloadEntry:
    if not isinstance(name, str) or not DNS_NAME.fullmatch(name):
        raise workloads.wrong(name, "the name of a workload", str(name)[:80])
    table = workloads.table(name)
    table.keys(required=("kind", "role"), optional=("floor", "container", "good", "scale"))
    return WorkloadEntry(
        name=name,
        kind=table.choice("kind", WorkloadKind),
        role=table.choice("role", WorkloadRole),
        floor=table.whole_number("floor", 0, _MOST_REPLICAS, default=0, unit="replicas"),
        container=table.optional("container", DNS_LABEL, "the name of a container"),
        good=table.optional("good", DIGEST, "the digest of an image, sha256: and 64 hex digits"),
        scale=_scale(table) if "scale" in table else None,
    )


def _scale(table: InventoryTable) -> ScaleLimits:
    if table.choice("role", WorkloadRole) is WorkloadRole.VALIDATOR:
        raise table.wrong("scale", "no `scale`: a validator's key runs once", "that of a validator")
    if table.choice("kind", WorkloadKind) is not WorkloadKind.DEPLOYMENT:
        raise table.wrong("scale", "`scale` of a Deployment only", "that of another kind")
    scale = table.table("scale")
    scale.keys(required=("normal", "max", "cost", "class"), optional=())
    most = scale.whole_number("max", 2, _MOST_REPLICAS, default=2, unit="replicas")
    least = max(1, most - MOST_STEPS)
    normal = scale.whole_number("normal", least, most - 1, default=least, unit="replicas")
    return ScaleLimits(
        normal=normal,
        most=most,
        cost=scale.text("cost", _COST, "one line of at most 200 characters: what more cost"),
        node_class=_class(scale),
    )


def _class(scale: InventoryTable) -> tuple[str, ...]:
    """Labels of nodes, or the word that says that their processors do not matter."""
    expected = "labels of nodes, as {cpu: avx2}, or `any` where no number depends on the processors"
    if scale.content["class"] == ANY:
        return ()
    if not isinstance(scale.content["class"], dict) or not scale.content["class"]:
        raise scale.wrong("class", expected)
    labels = scale.table("class")
    for name in labels.content:
        if not isinstance(name, str) or not _LABEL_KEY.fullmatch(name):
            raise labels.wrong(name, expected, str(name)[:80])
    found = {name: labels.text(name, _LABEL, "the value of a label") for name in labels.content}
    return tuple(sorted(f"{name}={value}" for name, value in found.items()))


CLUSTER_SECTION = InventorySection(
    name=SECTION,
    whole=SectionForm(
        kind=ClusterEntry,
        read=_cluster,
        required=("namespace", "workloads"),
        optional=("kubeconfig", "context", "owner_period_seconds", "nodes", "others"),
    ),
)
