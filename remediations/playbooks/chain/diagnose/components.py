"""The peer graph: which nodes reach each other, and which are known only through others.

The components are found by union-find:

1. Each node that answers is a set of its own.
2. Two nodes have an edge if either one lists the other as a peer, and their sets are joined. Peer
   tables stay full for more than 75 s after a partition (docs/diagnosis.md), so an edge does not
   count where votes prove that one node does not hear the other.
3. Nodes that list the same node outside the inventory are joined, too: it bridges them. Not where
   votes prove a partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.diagnose.votes import Votes
from remediations.playbooks.chain.finding import Component, UnlistedPeer
from remediations.systems.comet.inventory import Role
from remediations.values.login import Login
from remediations.values.reading import value_or_none


def _listed(view: NodeView) -> set[str]:
    """The ids of the nodes that this node lists as peers."""
    chain = view.reading.chain
    ids = {peer.node_id for peer in value_or_none(chain.peers) or ()}
    return ids | {peer.node_id for peer in value_or_none(chain.peer_rounds) or ()}


def read_components(
    views: Sequence[NodeView], power: Power, votes: Votes | None
) -> tuple[Component, ...]:
    """Connected groups of the nodes that answer, the one with the most power first.

    `votes` are given if they prove a partition: then nodes that do not see each other's votes are
    apart, whatever their peer tables say, and nodes outside the inventory bridge nothing.
    """
    answering = sorted((v for v in views if v.answers), key=lambda v: v.host)
    host_of = {view.node_id: view.host for view in answering}
    parent = {view.host: view.host for view in answering}  # 1

    def root(name: str) -> str:
        """The host that stands for the set of `name`."""
        while parent[name] != name:
            parent[name] = parent[parent[name]]  # path halving keeps the trees flat
            name = parent[name]
        return name

    missed = _MissedVotes(answering, votes)
    outside: dict[str, list[str]] = {}
    for view in answering:
        for node_id in sorted(_listed(view)):
            other = host_of.get(node_id)
            if other is None:
                outside.setdefault(node_id, []).append(view.host)
            elif not missed.between(view.host, other):
                parent[root(view.host)] = root(other)  # 2
    if votes is None:
        for hosts in outside.values():
            for host in hosts[1:]:
                parent[root(hosts[0])] = root(host)  # 3
    for view in views:  # a host of the inventory that does not answer is no stranger
        outside.pop(view.node_id, None)
    return _assembled(answering, {v.host: root(v.host) for v in answering}, outside, power)


def _assembled(
    answering: Sequence[NodeView],
    root_of: dict[str, str],
    outside: dict[str, list[str]],
    power: Power,
) -> tuple[Component, ...]:
    members: dict[str, list[NodeView]] = {}
    for view in answering:
        members.setdefault(root_of[view.host], []).append(view)
    strangers: dict[str, list[str]] = {}
    for node_id, hosts in outside.items():
        strangers.setdefault(root_of[hosts[0]], []).append(node_id)
    components = [
        Component(
            hosts=tuple(sorted(view.host for view in group)),
            unlisted=tuple(sorted(strangers.get(root, ()))),
            power=power.sum(view.address for view in group),
        )
        for root, group in members.items()
    ]
    return tuple(sorted(components, key=lambda c: (-c.power, c.hosts)))


class _MissedVotes:
    """Whether votes prove that one of two nodes does not hear the other."""

    def __init__(self, views: Sequence[NodeView], votes: Votes | None) -> None:
        ballots = votes.ballots if votes is not None else ()
        self._seen = {ballot.host: ballot.seen for ballot in ballots}
        own = {view.host: view.address for view in views}
        self._cast = {host: own[host] for host, seen in self._seen.items() if own[host] in seen}

    def between(self, one: str, other: str) -> bool:
        """Whether one of them lacks a vote that the other certainly cast."""
        return self._misses(one, other) or self._misses(other, one)

    def _misses(self, listener: str, speaker: str) -> bool:
        seen, cast = self._seen.get(listener), self._cast.get(speaker)
        return seen is not None and cast is not None and cast not in seen


def one_way_edges(views: Sequence[NodeView]) -> tuple[Evidence, ...]:
    """Edges that only one side lists: address translation or a firewall is in between."""
    answering = [v for v in views if v.answers]
    known = {v.host: v for v in answering if value_or_none(v.reading.chain.peers) is not None}
    host_of = {view.node_id: view.host for view in known.values()}
    lists = {host: _listed(view) for host, view in known.items()}
    found = []
    for host, view in sorted(known.items()):
        for node_id in sorted(lists[host] & host_of.keys()):
            other = host_of[node_id]
            if other != host and view.node_id not in lists[other]:
                says = f"{host} lists {other} as a peer, {other} does not list {host}"
                found.append(evidence_of(f"{host}.chain.peers", view.reading.chain.peers, says))
    return tuple(found)


def dialled(view: NodeView) -> Iterator[tuple[str, str]]:
    """Node id and address of each of its persistent peers."""
    for peer in view.config.persistent_peers if view.config is not None else ():
        node_id, _, place = peer.rpartition("@")
        yield node_id.lower(), place.rpartition(":")[0].strip("[]")


def addresses_of(logins: Iterable[Login]) -> Mapping[str, str]:
    """Where SSH leads to → the host of the inventory."""
    return {login.hops[-1].hostname: login.host for login in logins if login.hops}


def unlisted_peers(
    views: Sequence[NodeView], addresses: Mapping[str, str]
) -> tuple[UnlistedPeer, ...]:
    """Nodes seen only through others. The height is the highest that any node saw.

    A host of the inventory that told no node id may be one of them. Its address (`addresses`) or
    its name tells which; where neither does, it may be any that nothing else accounts for.
    """
    answering = [view for view in views if view.answers]
    ours = {view.node_id for view in views}
    seen_by: dict[str, set[str]] = {}
    monikers: dict[str, str] = {}
    heights: dict[str, int] = {}
    places: dict[str, set[str]] = {}
    for view in answering:
        for peer in value_or_none(view.reading.chain.peers) or ():
            if peer.node_id not in ours:
                seen_by.setdefault(peer.node_id, set()).add(view.host)
                monikers[peer.node_id] = max(monikers.get(peer.node_id, ""), peer.moniker)
                places.setdefault(peer.node_id, set()).add(peer.remote_ip)
        for at in value_or_none(view.reading.chain.peer_rounds) or ():
            if at.node_id not in ours:
                seen_by.setdefault(at.node_id, set()).add(view.host)
                heights[at.node_id] = max(heights.get(at.node_id, 0), at.height)
    for view in views:
        for node_id, place in dialled(view):
            places.setdefault(node_id, set()).add(place)
    silent = {v.host for v in views if not v.node_id and v.reading.role is not Role.BASTION}
    told = {
        node_id: silent
        & {monikers.get(node_id, ""), *(addresses.get(at, "") for at in places.get(node_id, ()))}
        for node_id in seen_by
    }
    named = {host for hosts in told.values() for host in hosts}
    rest = tuple(sorted(silent - named - {view.host for view in views if view.down}))
    return tuple(
        UnlistedPeer(
            node_id=node_id,
            moniker=monikers.get(node_id, ""),
            height=heights.get(node_id, 0),
            seen_by=tuple(sorted(hosts)),
            may_be=tuple(sorted(told[node_id])) or rest,
        )
        for node_id, hosts in sorted(seen_by.items())
    )
