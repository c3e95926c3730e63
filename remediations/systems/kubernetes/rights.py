"""Which rights the plans of an inventory need, and no others. Pure.

Nodes and single pods are not everybody's business: their rights are asked for where the inventory
declares nodes, or a StatefulSet whose stuck pod may be deleted (docs/kubernetes.md#rights).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from remediations.systems.kubernetes.fence import NAME as FENCE
from remediations.systems.kubernetes.inventory import ClusterEntry, WorkloadKind, WorkloadRole
from remediations.systems.kubernetes.values import RightUse


class NeededRight(NamedTuple):
    """A right as a SelfSubjectAccessReview asks for it; `namespace` is "" for the whole cluster."""

    verb: str
    group: str
    plural: str
    name: str = ""
    subresource: str = ""
    namespace: str = ""
    use: RightUse | UnsetType = UNSET

    @property
    def resource(self) -> str:
        """What a role calls it."""
        return f"{self.plural}/{self.subresource}" if self.subresource else self.plural

    @property
    def everywhere(self) -> str:
        """The same, for a right on all namespaces."""
        return self.resource if self.plural == "nodes" else f"{self.resource} of all namespaces"


def needed_rights(entry: ClusterEntry) -> Iterator[NeededRight]:
    """In a fixed order."""
    space = entry.namespace
    for kind in sorted({one.kind.plural for one in entry.workloads}):
        yield NeededRight("patch", "apps", kind, namespace=space)
    yield NeededRight("create", "", "configmaps", namespace=space)
    for verb in ("get", "update"):
        yield NeededRight(verb, "", "configmaps", FENCE, namespace=space)
    if has_stuck_pods(entry):
        for verb in ("get", "patch", "delete"):
            yield NeededRight(verb, "", "pods", namespace=space, use=RightUse.PODS)
    if entry.drainable:
        for verb in ("list", "get", "patch"):
            yield NeededRight(verb, "", "nodes", use=RightUse.NODES)
        for verb in ("list", "get", "patch"):
            yield NeededRight(verb, "", "pods", use=RightUse.NODES)
        yield NeededRight("create", "", "pods", subresource="eviction", use=RightUse.NODES)
        yield NeededRight("list", "policy", "poddisruptionbudgets", use=RightUse.NODES)


def has_stuck_pods(entry: ClusterEntry) -> bool:
    """Whether it has a StatefulSet whose stuck pod a plan may delete."""
    kinds = {one.kind for one in entry.workloads if one.role is WorkloadRole.SERVICE}
    return WorkloadKind.STATEFUL_SET in kinds
