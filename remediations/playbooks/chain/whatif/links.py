"""Who reaches whom, as far as it was read, and what is lost with one node or one link. Pure.

Votes are relayed, so what counts is whether two nodes are connected at all. Known are the peers of
the nodes that answer. The rest is assumed, in favour of a connection:

1. A host whose peers were not read reaches every host from which it is not cut off.
2. Power outside the inventory is one connected network, which every node outside is part of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.situation import ChainSituation
from remediations.values.reading import Unknown, value_or_none

OUTSIDE, MESH = ":outside", ":mesh"
"""Vertices that are not nodes. No host and no node id begins with a colon."""

Link = frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Links:
    """The links that were read: host → hosts and `strangers`, the ids of nodes outside the
    inventory. `unread` are the hosts of which none is known."""

    known: Mapping[str, frozenset[str]]
    strangers: frozenset[str]
    unread: frozenset[str]

    def among(
        self, running: Collection[str], cuts: Collection[Link], *, outside: bool
    ) -> dict[str, set[str]]:
        """The graph of those that run, without the cut links. `outside`: power votes outside the
        inventory, so that the network out there is a part of it."""
        there = frozenset(running)
        kept = there | self.strangers
        graph = {host: set(self.known.get(host, ())) & kept for host in there}
        for host, others in tuple(graph.items()):
            for stranger in others & self.strangers:
                graph.setdefault(stranger, set()).add(host)
        for one, other in self._assumed(there, cuts, outside=outside):
            if one != other:
                graph.setdefault(one, set()).add(other)
                graph.setdefault(other, set()).add(one)
        for cut in cuts:
            for end in cut & graph.keys():
                graph[end] -= cut
        return graph

    def _assumed(
        self, there: frozenset[str], cuts: Collection[Link], *, outside: bool
    ) -> Iterator[tuple[str, str]]:
        """The links that were not read (1 and 2). Hosts that nothing is cut from share one vertex:
        all pairs of them would be too many."""
        ends = frozenset().union(*cuts)
        unread = sorted(self.unread & there)
        free = [host for host in unread if host not in ends]
        middle = free[0] if len(free) == 1 else MESH
        if free:
            yield from ((middle, host) for host in there)
        for host in unread:
            if host in ends:
                yield from ((host, other) for other in there)
        if outside:
            met = frozenset().union(*(self.known.get(host, frozenset()) for host in there))
            yield from ((OUTSIDE, vertex) for vertex in (met & self.strangers) or there)


def read_links(chain: ChainSituation) -> Links:
    """The links of all hosts. Those between parts that do not hear each other do not count,
    whatever the peer tables say."""
    views = [NodeView(reading) for reading in chain.observation.hosts]
    host_of = {view.node_id: view.host for view in views if view.node_id}
    part = {host: n for n, c in enumerate(chain.finding.components) for host in c.hosts}
    known: dict[str, set[str]] = {view.host: set() for view in views}
    for view in views:
        here = part.get(view.host)
        for peer in value_or_none(view.reading.chain.peers) or ():
            other = host_of.get(peer.node_id, peer.node_id)
            if other == view.host or part.get(other, here) != here:
                continue
            known[view.host].add(other)
            if other in known:
                known[other].add(view.host)
    return Links(
        known={host: frozenset(others) for host, others in known.items()},
        strangers=frozenset().union(*known.values()) - known.keys(),
        unread=frozenset(v.host for v in views if isinstance(v.reading.chain.peers, Unknown)),
    )


class Loss(NamedTuple):
    """What is left together, at most, once one node or link (`A:B`) is gone."""

    name: str
    left: int


def strongest(graph: Mapping[str, set[str]], weights: Mapping[str, int]) -> Part | None:
    """The connected part with the most power; None if there is nobody."""
    best: Part | None = None
    seen: set[str] = set()
    for start in graph:
        if start not in seen:
            part = Part(graph, weights, start)
            seen.update(part.order)
            if best is None or part.total > best.total:
                best = part
    return best


class Part:
    """One connected part, searched depth first (Hopcroft and Tarjan): with the lowest vertex that
    each subtree reaches, and the power of each subtree."""

    def __init__(
        self, graph: Mapping[str, set[str]], weights: Mapping[str, int], start: str
    ) -> None:
        self._weights = weights
        self.order: dict[str, int] = {}
        self._low: dict[str, int] = {}
        self._under: dict[str, int] = {}
        self._parent: dict[str, str] = {}
        self._enter(start)
        path = [(start, iter(graph[start]))]
        while path:
            at, others = path[-1]
            for other in others:
                if other not in self.order:
                    self._parent[other] = at
                    self._enter(other)
                    path.append((other, iter(graph[other])))
                    break
                if self.order[other] < self._low[at] and other != self._parent.get(at):
                    self._low[at] = self.order[other]
            else:
                path.pop()
                above = self._parent.get(at)
                if above is not None:
                    self._low[above] = min(self._low[above], self._low[at])
                    self._under[above] += self._under[at]
        self.total = self._under[start]

    def _enter(self, vertex: str) -> None:
        self.order[vertex] = self._low[vertex] = len(self.order)
        self._under[vertex] = self._weights.get(vertex, 0)

    def losses(self) -> list[Loss]:
        """Each host, and each link between two hosts without which the part falls apart."""
        apart: dict[str, list[int]] = {vertex: [] for vertex in self.order}
        links = []
        for vertex, above in self._parent.items():
            if self._low[vertex] >= self.order[above]:
                apart[above].append(self._under[vertex])
            if self._low[vertex] > self.order[above] and not _no_node(vertex, above):
                under = self._under[vertex]
                name = ":".join(sorted((vertex, above)))
                links.append(Loss(name, max(under, self.total - under)))
        nodes = [
            Loss(vertex, max(self._left(vertex, pieces), *pieces, 0))
            for vertex, pieces in apart.items()
            if not _no_node(vertex)
        ]
        return [*nodes, *links]

    def _left(self, vertex: str, pieces: list[int]) -> int:
        return self.total - self._weights.get(vertex, 0) - sum(pieces)


def _no_node(*vertices: str) -> bool:
    return any(vertex.startswith(":") for vertex in vertices)
