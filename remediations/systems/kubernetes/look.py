"""One look at a namespace: every request at the same time, each failure its own unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

from remediations.engine.system import LookRequest
from remediations.reach.background import run_in_thread
from remediations.systems.kubernetes import parse
from remediations.systems.kubernetes.api import (
    ApiError,
    KubernetesApi,
    Request,
    get,
    namespaced,
    write_patch,
)
from remediations.systems.kubernetes.connection import SYSTEM_NAMESPACE
from remediations.systems.kubernetes.inventory import ClusterEntry, WorkloadEntry, cluster_of
from remediations.systems.kubernetes.look_nodes import read_nodes, unread_nodes
from remediations.systems.kubernetes.node_steps import CORDON, cordon_shown, node_data
from remediations.systems.kubernetes.parse_budgets import budget
from remediations.systems.kubernetes.preview import differences, step_data, tried
from remediations.systems.kubernetes.rights import NeededRight, needed_rights
from remediations.systems.kubernetes.steps import write_of
from remediations.systems.kubernetes.tree import at, items, text
from remediations.systems.kubernetes.values import (
    AccessRight,
    Budget,
    ClusterNodes,
    KubernetesReading,
    Preview,
    Workload,
    WorkloadState,
)
from remediations.values.lines import TextError
from remediations.values.part import Kinded
from remediations.values.reading import Known, Reading, Unknown, Why

T = TypeVar("T")
Tree = dict[str, Any]
MOST = "500"
LOOK_LIMIT_S = 30.0
"""Seconds for connecting: a credential program of the kubeconfig may run."""


async def look_at_cluster(look: LookRequest) -> Sequence[Kinded]:
    """The namespace of the inventory. Never raises for what the cluster does."""
    entry = cluster_of(look.inventory)
    try:
        async with asyncio.timeout(LOOK_LIMIT_S):
            api = await run_in_thread(KubernetesApi.connect, entry)
    except ApiError as error:
        return (unread(entry, error),)
    except TimeoutError:
        said = f"no credentials within {LOOK_LIMIT_S:.0f} s: what does the kubeconfig run?"
        return (unread(entry, ApiError(said, why=Why.TIME_LIMIT)),)
    return (await read_cluster(api, entry),)


async def read_cluster(
    api: KubernetesApi,
    entry: ClusterEntry,
    *,
    previews: bool = True,
    owners: frozenset[str] = frozenset(),
) -> KubernetesReading:
    """All of it. `previews`: with what the API server makes of each patch, and with our rights;
    `owners`: controllers whose pods are counted wherever they are (`ClusterNodes.owned`)."""
    looking = _Look(api, entry)
    cluster = await looking.cluster()
    if isinstance(cluster, Unknown):
        return unread(entry, ApiError(cluster.reason, why=cluster.why), cluster)
    sets, pods, scalers, budgets = await asyncio.gather(
        looking.listed("apps/v1", "replicasets"),
        looking.listed("v1", "pods"),
        looking.listed("autoscaling/v2", "horizontalpodautoscalers"),
        looking.listed("policy/v1", "poddisruptionbudgets"),
    )
    found = await asyncio.gather(
        *(looking.workload(one, sets, pods, scalers) for one in entry.workloads)
    )
    tries = [looking.previews(cluster.value, one, tree) for one, tree in found] if previews else []
    shown = await asyncio.gather(*tries)
    access = await looking.access() if previews else ()
    nodes = await read_nodes(api, entry, owners) if entry.drainable else UNSET
    cordons = await looking.cordons(cluster.value, nodes) if previews else ()
    return KubernetesReading(
        namespace=entry.namespace,
        owner_period_s=entry.owner_period_s,
        cluster=cluster,
        workloads=tuple(one for one, _ in found),
        budgets=_budgets(budgets, pods),
        access=access,
        previews=(*(preview for those in shown for preview in those), *cordons),
        nodes=nodes,
    )


async def read_workloads(
    api: KubernetesApi, entry: ClusterEntry, names: frozenset[str]
) -> tuple[Workload, ...]:
    """Those of these names, in the inventory's order, with their pods: for whoever has to do with
    pods one by one, and needs nothing else of the namespace."""
    looking = _Look(api, entry)
    sets, pods = await asyncio.gather(
        looking.listed("apps/v1", "replicasets"), looking.listed("v1", "pods")
    )
    nobody = Known[list[Tree]](value=[], source="not asked", at=datetime.now(UTC))
    found = await asyncio.gather(
        *(looking.workload(one, sets, pods, nobody) for one in entry.workloads if one.name in names)
    )
    return tuple(workload for workload, _ in found)


def unread(
    entry: ClusterEntry, error: ApiError, cluster: Unknown | None = None
) -> KubernetesReading:
    """A cluster that did not answer: everything is unknown, for one reason."""
    nothing = cluster or _unknown(error, entry.kubeconfig or "service account")
    return KubernetesReading(
        namespace=entry.namespace,
        owner_period_s=entry.owner_period_s,
        cluster=nothing,
        workloads=tuple(Workload(entry=one, state=nothing) for one in entry.workloads),
        budgets=nothing,
        access=(),
        previews=(),
        nodes=unread_nodes(entry, nothing) if entry.drainable else UNSET,
    )


class _Look:
    """One look through one client."""

    def __init__(self, api: KubernetesApi, entry: ClusterEntry) -> None:
        self.api = api
        self.entry = entry

    async def ask(self, request: Request, meaning: Callable[[Tree], T]) -> Reading[T]:
        """The meaning of an answer, or why there is none."""
        return await read_answer(self.api, request, meaning)

    async def cluster(self) -> Reading[str]:
        """Which cluster it is: the uid of a namespace that every cluster has, once."""
        asked = get(SYSTEM_NAMESPACE, "namespaces/kube-system")
        return await self.ask(asked, lambda tree: text(tree, "metadata", "uid"))

    async def listed(self, group: str, plural: str) -> Reading[list[Tree]]:
        """All objects of a resource in the namespace."""
        path = namespaced(group, self.entry.namespace, plural)
        asked = get(path, f"{plural} in {self.entry.namespace}", verb="list", limit=MOST)
        return await self.ask(asked, items)

    async def workload(
        self,
        entry: WorkloadEntry,
        sets: Reading[list[Tree]],
        pods: Reading[list[Tree]],
        scalers: Reading[list[Tree]],
    ) -> tuple[Workload, Tree | None]:
        """One workload, and its object as it was sent."""
        lacks = next((one for one in (sets, pods, scalers) if isinstance(one, Unknown)), None)
        if lacks is not None:
            return Workload(entry=entry, state=lacks), None
        assert isinstance(sets, Known)
        assert isinstance(pods, Known)
        assert isinstance(scalers, Known)
        path = namespaced("apps/v1", self.entry.namespace, entry.kind.plural, entry.name)
        kept: list[Tree] = []

        def meaning(tree: Tree) -> WorkloadState:
            kept.append(tree)
            return parse.workload_state(tree, sets.value, pods.value, scalers.value)

        resource = f"{entry.kind.plural}/{entry.name} in {self.entry.namespace}"
        state = await self.ask(get(path, resource), meaning)
        found = kept[0] if kept and isinstance(state, Known) else None
        return Workload(entry=entry, state=state), found

    async def previews(
        self, cluster: str, workload: Workload, tree: Tree | None
    ) -> tuple[Preview, ...]:
        """What the API server makes of each patch that a playbook may propose."""
        if tree is None or isinstance(workload.state, Unknown):
            return ()
        entry, state = workload.entry, workload.state.value
        base = step_data(cluster, self.entry.namespace, entry, state)
        found = []
        for deploy, image, data in tried(entry, state, base):
            write = write_of(deploy, data)
            asked = write_patch(
                namespaced(write.group, write.namespace, write.plural, write.name),
                write.resource,
                {**write.patch, "metadata": {"uid": write.uid}},
                dry_run=True,
            )
            shown = await self.ask(asked, lambda after: differences(tree, after))
            found.append(Preview(target=entry.target, deploy=deploy, image=image, shown=shown))
        return tuple(found)

    async def cordons(self, cluster: str, nodes: ClusterNodes | UnsetType) -> list[Preview]:
        """What the API server makes of cordoning each node of the inventory."""
        found = []
        for node in () if isinstance(nodes, UnsetType) else nodes.nodes:
            if isinstance(node.state, Unknown) or node.state.value.unschedulable:
                continue
            state = node.state.value
            write = write_of(CORDON, node_data(cluster, state))
            patch = {**write.patch, "metadata": {**write.patch["metadata"], "uid": write.uid}}
            asked = write_patch(write.path, write.resource, patch, dry_run=True)
            shown = await self.ask(asked, cordon_shown)
            found.append(Preview(target=state.target, deploy=CORDON, image="", shown=shown))
        return found

    async def access(self) -> tuple[AccessRight, ...]:
        """The rights that our plans need, and no others."""
        asked = (read_right(self.api, right) for right in needed_rights(self.entry))
        return tuple(await asyncio.gather(*asked))


async def read_right(api: KubernetesApi, right: NeededRight) -> AccessRight:
    """Whether we have a right, by a SelfSubjectAccessReview."""
    attributes = {"verb": right.verb, "group": right.group, "resource": right.plural}
    if right.subresource:
        attributes["subresource"] = right.subresource
    if right.name:
        attributes["name"] = right.name
    if right.namespace:
        attributes["namespace"] = right.namespace
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    where = f" in {right.namespace}" if right.namespace else ""
    asked = Request(
        method="POST",
        path="/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        verb="review",
        resource=f"the right to {right.verb} {right.resource}{where}",
        body=review,
    )
    allowed = await read_answer(api, asked, lambda t: at(t, "status", "allowed") is True)
    told = right.resource if right.namespace or right.use is UNSET else right.everywhere
    return AccessRight(verb=right.verb, resource=told, allowed=allowed, use=right.use)


async def read_answer(
    api: KubernetesApi, request: Request, meaning: Callable[[Tree], T]
) -> Reading[T]:
    """The meaning of an answer, or why there is none."""
    try:
        tree = await run_in_thread(api.ask, request)
        value = meaning(tree)
    except ApiError as error:
        return _unknown(error, request.told)
    except (TextError, AttributeError, KeyError, TypeError, ValueError) as error:
        said = str(error) if isinstance(error, TextError) else type(error).__name__
        return Unknown(
            why=Why.MALFORMED,
            reason=f"{request.told}: {said}",
            source=request.told,
            at=datetime.now(UTC),
        )
    return Known(value=value, source=request.told, at=datetime.now(UTC))


def _budgets(
    budgets: Reading[list[Tree]], pods: Reading[list[Tree]]
) -> Reading[tuple[Budget, ...]]:
    for one in (budgets, pods):
        if isinstance(one, Unknown):
            return one
    assert isinstance(budgets, Known)
    assert isinstance(pods, Known)
    try:
        found = tuple(budget(one, pods.value) for one in budgets.value)
    except (TextError, AttributeError, KeyError, TypeError, ValueError) as error:
        return Unknown(
            why=Why.MALFORMED,
            reason=f"a disruption budget has another form ({type(error).__name__})",
            source=budgets.source,
            at=budgets.at,
        )
    ordered = tuple(sorted(found, key=lambda one: one.name))
    return Known(value=ordered, source=budgets.source, at=budgets.at)


def _unknown(error: ApiError, source: str) -> Unknown:
    return Unknown(why=error.why, reason=str(error), source=source, at=datetime.now(UTC))
