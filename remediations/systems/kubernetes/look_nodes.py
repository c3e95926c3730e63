"""One look at the nodes that may be drained, with all pods and disruption budgets of the cluster.

A drain takes pods of every namespace, so it is judged by all of them. What cannot be read makes
every node unknown, for one reason: half of it proves nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from remediations.reach.background import run_in_thread
from remediations.systems.kubernetes.api import ApiError, KubernetesApi, cluster_wide, get
from remediations.systems.kubernetes.inventory import ClusterEntry
from remediations.systems.kubernetes.node_values import Node
from remediations.systems.kubernetes.parse_nodes import ClusterPods, budget_of_all, node_state
from remediations.systems.kubernetes.tree import at, items
from remediations.systems.kubernetes.values import Budget, ClusterNodes
from remediations.values.lines import TextError
from remediations.values.reading import Known, Reading, Unknown, Why

Tree = dict[str, Any]
PAGE = "500"
MOST_PAGES = 10
"""So many pods, five thousand, are judged at most. A larger cluster is unknown."""


async def read_nodes(
    api: KubernetesApi, entry: ClusterEntry, owners: frozenset[str] = frozenset()
) -> ClusterNodes:
    """The declared nodes. Never raises for what the cluster does. `owners` are controllers whose
    pods are counted beside those that have some on these nodes."""
    nodes, pods, budgets = await asyncio.gather(
        _listed(api, "v1", "nodes"),
        _listed(api, "v1", "pods"),
        _listed(api, "policy/v1", "poddisruptionbudgets"),
    )
    cluster = _cluster(nodes, pods)
    if isinstance(cluster, Unknown):
        return replace(unread_nodes(entry, cluster), budgets=_budgets(budgets, pods))
    assert isinstance(nodes, Known)
    counted = cluster.owned(owners | cluster.owners_on(entry.drainable))
    return ClusterNodes(
        movable=entry.movable,
        nodes=tuple(_node(name, cluster, nodes) for name in entry.drainable),
        budgets=_budgets(budgets, pods),
        owned=Known(value=counted, source=pods.source, at=pods.at),
    )


def unread_nodes(entry: ClusterEntry, why: Unknown) -> ClusterNodes:
    """The declared nodes of a cluster that did not answer."""
    return ClusterNodes(
        movable=entry.movable,
        nodes=tuple(Node(name=name, state=why) for name in entry.drainable),
        budgets=why,
        owned=why,
    )


async def _listed(api: KubernetesApi, group: str, plural: str) -> Reading[list[Tree]]:
    """All objects of a resource in the cluster, page by page."""
    told = f"list {plural} of all namespaces" if plural != "nodes" else "list nodes"
    found: list[Tree] = []
    more = ""
    for _ in range(MOST_PAGES):
        query = {"limit": PAGE, **({"continue": more} if more else {})}
        resource = told.removeprefix("list ")
        asked = get(cluster_wide(group, plural), resource, verb="list", **query)
        try:
            tree = await run_in_thread(api.ask, asked)
            more = str(at(tree, "metadata", "continue") or "")
            found += items({"items": tree.get("items")})
        except ApiError as error:
            return _unknown(error.why, str(error), told)
        except TextError as error:
            return _unknown(Why.MALFORMED, f"{told}: {error}", told)
        if not more:
            return Known(value=found, source=told, at=datetime.now(UTC))
    said = f"{told}: more than {MOST_PAGES} pages of {PAGE}: the cluster is too large to be judged"
    return _unknown(Why.TOO_LARGE, said, told)


def _cluster(nodes: Reading[list[Tree]], pods: Reading[list[Tree]]) -> ClusterPods | Unknown:
    for one in (nodes, pods):
        if isinstance(one, Unknown):
            return one
    assert isinstance(nodes, Known)
    assert isinstance(pods, Known)
    try:
        return ClusterPods(nodes.value, pods.value, pods.at)
    except (TextError, AttributeError, KeyError, TypeError, ValueError) as error:
        return _flaw(error, pods.source)


def _node(name: str, cluster: ClusterPods, nodes: Known[list[Tree]]) -> Node:
    tree = next((n for n in nodes.value if at(n, "metadata", "name") == name), None)
    if tree is None:
        absent = _unknown(
            Why.ABSENT, f"there is no node {name}: correct the inventory", "list nodes"
        )
        return Node(name=name, state=absent)
    try:
        state = node_state(tree, cluster)
    except (TextError, AttributeError, KeyError, TypeError, ValueError) as error:
        return Node(name=name, state=_flaw(error, f"nodes/{name}"))
    return Node(name=name, state=Known(value=state, source=f"nodes/{name}", at=nodes.at))


def _budgets(
    budgets: Reading[list[Tree]], pods: Reading[list[Tree]]
) -> Reading[tuple[Budget, ...]]:
    for one in (budgets, pods):
        if isinstance(one, Unknown):
            return one
    assert isinstance(budgets, Known)
    assert isinstance(pods, Known)
    try:
        found = _read_budgets(budgets.value, pods.value, budgets.at)
    except (TextError, AttributeError, KeyError, TypeError, ValueError) as error:
        return _flaw(error, budgets.source)
    return Known(value=found, source=budgets.source, at=budgets.at)


def _read_budgets(
    budgets: Sequence[Tree], pods: Sequence[Tree], now: datetime
) -> tuple[Budget, ...]:
    found = (budget_of_all(one, pods, now) for one in budgets)
    return tuple(sorted(found, key=lambda one: (str(one.namespace), one.name)))


def _flaw(error: Exception, source: str) -> Unknown:
    said = str(error) if isinstance(error, TextError) else type(error).__name__
    return _unknown(Why.MALFORMED, f"{source}: {said}", source)


def _unknown(why: Why, reason: str, source: str) -> Unknown:
    return Unknown(why=why, reason=reason, source=source, at=datetime.now(UTC))
