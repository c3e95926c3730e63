"""What is read of a cluster."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from msgspec import UNSET, UnsetType

from remediations.systems.kubernetes.inventory import WorkloadEntry
from remediations.systems.kubernetes.node_values import Node, OwnedPods
from remediations.values.part import Kinded
from remediations.values.reading import Reading
from remediations.values.record import Record


class Image(Record, frozen=True, kw_only=True):
    """The image of one container of a template, in its order."""

    container: str
    image: str

    @property
    def digest(self) -> str | None:
        """`sha256:…` where the image is pinned; None for a tag, which is not a version."""
        _, at, digest = self.image.rpartition("@")
        return digest if at else None


class Pod(Record, frozen=True, kw_only=True):
    """One pod of a workload. `image_ids` are what its containers really run (`REPO@sha256:…`).
    Why it is not ready: `troubles` are the words of the API for it (`CrashLoopBackOff`), which
    decide; `says` is the sentence for people, "" for none. `failing_init` is the init container
    that keeps the others from their start, `ending_probe` says which probe ends a container before
    it is ready; absent where none is known to. `grace_s` is read of the pods of a
    StatefulSet, which alone are deleted one by one."""

    name: str
    uid: str
    phase: str
    ready: bool
    deleting: bool
    node: str
    template_hash: str
    image_ids: tuple[str, ...]
    troubles: tuple[str, ...]
    says: str
    restarts: int
    grace_s: int | UnsetType = UNSET
    failing_init: str | UnsetType = UNSET
    ending_probe: str | UnsetType = UNSET


class Revision(Record, frozen=True, kw_only=True):
    """A ReplicaSet of a Deployment. `template` is the digest of its pod template without what
    differs between any two (labels and annotations of restarts); `rest` the same without images."""

    name: str
    uid: str
    hash: str
    images: tuple[Image, ...]
    template: str
    rest: str
    desired: int
    ready: int


class WorkloadState(Record, frozen=True, kw_only=True):
    """A workload as the API server has it. `observed` is the generation that its controller has
    seen: what the status says is of that one. `owners` is whoever else makes it their own, in
    words, without controllers of Kubernetes itself; `node_class` is to which labels of nodes its
    template binds the pods, as `NAME=VALUE`; `mounts` are the claims and secrets that its pods
    mount, as `claim/NAME` and `secret/NAME`. `update_revision` is what a StatefulSet makes new
    pods from, of the ordinal `partition` on."""

    uid: str
    generation: int
    observed: int
    template: str
    rest: str
    images: tuple[Image, ...]
    desired: int
    total: int
    updated: int
    ready: int
    available: int
    paused: bool
    strategy: str
    surge: str
    unavailable: str
    deadline_exceeded: bool
    owners: tuple[str, ...]
    revisions: tuple[Revision, ...]
    pods: tuple[Pod, ...]
    update_revision: str | UnsetType = UNSET
    partition: int | UnsetType = UNSET
    node_class: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()

    @property
    def settled(self) -> bool | None:
        """Whether a rollout is complete; None while its controller has not seen the change."""
        if self.observed < self.generation:
            return None
        return self.desired == self.total == self.updated == self.available

    @property
    def troubles(self) -> frozenset[str]:
        """The API's words for why pods are not ready."""
        stuck = (pod for pod in self.pods if not pod.deleting)
        return frozenset(word for pod in stuck for word in pod.troubles)

    @property
    def failing_inits(self) -> tuple[str, ...]:
        """The init containers that keep pods from their start."""
        return tuple(sorted({one.failing_init for one in self._stuck if one.failing_init}))

    @property
    def ending_probe(self) -> str:
        """The probe that ends containers of a pod, in words; "" where none does, or pods crash
        without one."""
        told = sorted({one.ending_probe or "" for one in self._stuck if one.troubles})
        return told[0] if told and all(told) else ""

    @property
    def _stuck(self) -> list[Pod]:
        return [pod for pod in self.pods if not (pod.deleting or pod.ready)]

    @property
    def stuck_says(self) -> str:
        """The same for people, with the pods' names; "" if none says so."""
        told = (f"{pod.name}: {pod.says}" for pod in self.pods if pod.says and not pod.deleting)
        return "; ".join(sorted(told)[:3])


class Workload(Record, frozen=True, kw_only=True):
    """A workload of the inventory."""

    entry: WorkloadEntry
    state: Reading[WorkloadState]


class Budget(Record, frozen=True, kw_only=True):
    """A PodDisruptionBudget, with the pods of the namespace that it covers. `allowed` is how many
    may be evicted now; None while its controller has not seen the newest form. `evicts_unready`
    is whether pods that are not ready may always be evicted (`AlwaysAllow`); `broken` are those of
    its pods that say why they do not become ready. Both were not read before nodes were."""

    name: str
    allowed: int | None
    healthy: int
    needed: int
    expected: int
    evicts_unready: bool
    pods: tuple[str, ...]
    namespace: str | UnsetType = UNSET
    broken: tuple[str, ...] | UnsetType = UNSET


class RightUse(StrEnum):
    """What a right is needed for, that not everybody needs."""

    NODES = "nodes"
    PODS = "pods"


class AccessRight(Record, frozen=True, kw_only=True):
    """One right that a plan may need, by a SelfSubjectAccessReview. `use` is what it is for, where
    that is not the change of a workload."""

    verb: str
    resource: str
    allowed: Reading[bool]
    use: RightUse | UnsetType = UNSET


class Preview(Record, frozen=True, kw_only=True):
    """What the API server would make of a patch (`dryRun=All`): `shown` names each field that
    changes. `deploy` is that of the driver, `image` what it sets (an image, or a number of
    replicas), "" for none."""

    target: str
    deploy: str
    image: str
    shown: Reading[str]


class ClusterNodes(Record, frozen=True, kw_only=True):
    """The nodes that the inventory declares, the disruption budgets of all namespaces, and the
    namespaces whose pods a drain may move beside the declared workloads. `owned` are the pods of
    the controllers that have some on these nodes, wherever they are."""

    movable: tuple[str, ...]
    nodes: tuple[Node, ...]
    budgets: Reading[tuple[Budget, ...]]
    owned: Reading[tuple[OwnedPods, ...]]


class KubernetesReading(Kinded, frozen=True, kw_only=True):
    """One namespace of one cluster. `cluster` is the uid of its namespace kube-system."""

    KIND: ClassVar[str] = "kubernetes.reading/1"

    namespace: str
    owner_period_s: int
    cluster: Reading[str]
    workloads: tuple[Workload, ...]
    budgets: Reading[tuple[Budget, ...]]
    access: tuple[AccessRight, ...]
    previews: tuple[Preview, ...]
    nodes: ClusterNodes | UnsetType = UNSET

    @property
    def declared_nodes(self) -> tuple[Node, ...]:
        """The nodes of the inventory."""
        return () if isinstance(self.nodes, UnsetType) else self.nodes.nodes

    def workload(self, target: str) -> Workload:
        """The workload with that target name.

        Raises:
            KeyError: the inventory has none.
        """
        return {one.entry.target: one for one in self.workloads}[target]

    def preview(self, target: str, deploy: str, image: str = "") -> Preview | None:
        """The preview of a patch, None if it was not tried."""
        asked = (target, deploy, image)
        return next((p for p in self.previews if (p.target, p.deploy, p.image) == asked), None)
