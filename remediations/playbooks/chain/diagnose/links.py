"""Broken links: two nodes that run and do not reach each other, and what shuts the way on a host.

1. The addresses of a node are those that its peers dial, names resolved on their hosts, and the one
   that SSH leads to.
2. Two nodes have a broken link if the p2p port of one of them gives the other's host no connection,
   or if an obstacle on one of the hosts concerns the other node; not if a port is open either way.
   A node that is down, or does not answer, is no end of one: that explains the silence.
3. An obstacle concerns a peer if it names its address, or no address and the host's own p2p port;
   one on any other port does not.
4. It is ours to remove if it names nobody but nodes that the inventory or a persistent peer tells
   of, and if all of it is understood (`Obstacle.kept`). All others are named, and left to people.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.components import dialled
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.finding import BrokenLink, LinkObstacle, NodeFinding
from remediations.render.formats import name_some
from remediations.systems.comet.values import DialAnswer
from remediations.systems.comet.ways import Way, Ways
from remediations.systems.hosts.obstacles import NARROW, Obstacle, ObstacleKind
from remediations.values.reading import Known

_SHOWN = 3
MAX_PEERS = 8
"""How many peers a proposed line names: more make no node better connected."""


def ways_of(view: NodeView) -> Ways | None:
    """What its host tells of the ways to its peers; None where that was not read."""
    return view.reading.ways.value if isinstance(view.reading.ways, Known) else None


@dataclass
class _Map:
    """Who is where. `names` maps an address to the nodes there, `near` a narrow net to the
    addresses in it; `ports` are p2p ports by node, `beside` the nodes that one tries, or is tried
    by."""

    runs: frozenset[str]
    host_of: Mapping[str, str]
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    near: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    at: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ports: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    persistent: set[frozenset[str]] = field(default_factory=set)
    ways: dict[tuple[str, str], Way] = field(default_factory=dict)
    beside: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def place(self, name: str, address: str) -> None:
        """A node at an address; anything that is none is left out."""
        narrow = _narrow(address)
        if narrow:
            self.names[address].add(name)
            self.near[narrow].add(address)
            self.at[name].add(address)

    def known_in(self, net: str) -> Iterator[str]:
        """The addresses of nodes in a net that is not wide."""
        found = ipaddress.ip_network(net)
        if found.prefixlen == found.max_prefixlen:
            found_at = str(found.network_address)
            yield from (found_at,) if found_at in self.names else ()
        elif found.prefixlen >= NARROW[found.version]:
            for address in self.near.get(_narrow(str(found.network_address)), ()):
                if ipaddress.ip_address(address) in found:
                    yield address

    def open(self, one: str, other: str) -> bool:
        """Whether a port is known to be open, from either side."""
        ways = (self.ways.get((one, other)), self.ways.get((other, one)))
        return any(way is not None and way.answer is DialAnswer.OPEN for way in ways)


def _narrow(address: str) -> str:
    """The net of an address that counts as narrow; "" if it is no address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(ipaddress.ip_network((found, NARROW[found.version]), strict=False))


def broken_links(views: Sequence[NodeView], logins: Mapping[str, str]) -> tuple[BrokenLink, ...]:
    """All that are known, by name. `logins` are the addresses that SSH leads to, with their hosts.
    None where no host was asked for its ways: nothing was lacking."""
    if not any(ways_of(view) for view in views):
        return ()
    chart = _chart(views, logins)  # 1
    blocks: dict[frozenset[str], list[LinkObstacle]] = defaultdict(list)
    for view in views:  # 3
        for obstacle in _obstacles(view):
            for peer in sorted(_concerned(view.host, obstacle, chart)):
                kept = obstacle.kept or _strangers(obstacle, chart)
                blocks[frozenset((view.host, peer))].append(
                    LinkObstacle(host=view.host, obstacle=obstacle, kept=kept)
                )
    shut = {
        frozenset(pair)
        for pair, way in chart.ways.items()
        if way.answer is not DialAnswer.OPEN or way.shut
    }
    by_host = {view.host: view for view in views}
    found = []
    for pair in sorted((shut | blocks.keys()), key=sorted):  # 2
        one, other = sorted(pair, key=lambda name: (name not in by_host, name))
        if chart.open(one, other) or not (pair - by_host.keys() or pair <= chart.runs):
            continue
        there = tuple(blocks.get(pair, ()))
        found.append(
            BrokenLink(
                one=one,
                other=other,
                says=tuple(_says(by_host, end, pair, there, chart) for end in (one, other)),
                obstacles=there,
                persistent=pair in chart.persistent,
            )
        )
    return tuple(found)


def _chart(views: Sequence[NodeView], logins: Mapping[str, str]) -> _Map:
    chart = _Map(
        runs=frozenset(view.host for view in views if view.answers),
        host_of={view.node_id: view.host for view in views if view.node_id},
    )
    hosts = {view.host for view in views}
    for address, host in logins.items():
        chart.place(host, address)
    for view in views:
        if view.config is not None and view.config.p2p_port:
            chart.ports[view.host].add(view.config.p2p_port)
        names = {}
        for node_id, address in dialled(view):
            named = address if address in hosts else ""
            names[node_id] = chart.host_of.get(node_id) or logins.get(address) or named or address
            chart.persistent.add(frozenset((view.host, names[node_id])))
            chart.place(names[node_id], address)
        ways = ways_of(view)
        for way in ways.ways if ways is not None else ():
            name = names.get(way.node_id) or chart.host_of.get(way.node_id, way.node_id)
            chart.place(name, way.address)
            chart.ways[(view.host, name)] = way
            chart.beside[view.host].add(name)
            chart.beside[name].add(view.host)
    return chart


def _obstacles(view: NodeView) -> Sequence[Obstacle]:
    ways = ways_of(view)
    return ways.obstacles if ways is not None else ()


def _concerned(host: str, obstacle: Obstacle, chart: _Map) -> set[str]:
    """The nodes to or from which it shuts the way on this host."""
    own = chart.ports.get(host, set())
    beside = chart.beside.get(host, set())
    if not obstacle.nets:
        return set(beside) if obstacle.port in own else set()
    there = {address for net in obstacle.nets for address in chart.known_in(net)}
    found = {name for address in there for name in chart.names[address]}
    found |= {peer for peer in beside if any(map(obstacle.names, chart.at.get(peer, ())))}
    if obstacle.port:
        found = {peer for peer in found if obstacle.port in own | chart.ports.get(peer, set())}
    return found - {host}


def _strangers(obstacle: Obstacle, chart: _Map) -> str:
    """Why it is left to people where it names somebody whom nothing tells of; else "". An interface
    leads to whoever is there."""
    if obstacle.kind is ObstacleKind.LINK:
        return ""
    strange = [net for net in obstacle.nets if not any(chart.known_in(net))]
    return f"it names others, too: {name_some(strange, _SHOWN)}" if strange else ""


def _says(
    by_host: Mapping[str, NodeView],
    end: str,
    pair: frozenset[str],
    there: Iterable[LinkObstacle],
    chart: _Map,
) -> str:
    """What one end of a link tells of it."""
    view = by_host.get(end)
    if view is None:
        return f"{end}: not in the inventory"
    ways = ways_of(view)
    if ways is None:
        return f"{end}: its ways were not looked at"
    (peer,) = pair - {end}
    way = chart.ways.get((end, peer))
    mine = [one.obstacle.shown for one in there if one.host == end]
    parts = [name_some(mine, _SHOWN) or "no route and no rule on it shuts it"]
    if way is not None and way.shut:
        parts = parts if mine else ["it has no route there"]
    elif way is not None and not way.address:
        parts.append(f"the name of {peer} is not resolved there")
    elif way is not None:
        parts.append(f"the p2p port of {peer} is {way.answer} from there")
    if not mine and ways.unread:
        parts.append(f"its firewall was not read: {ways.unread}")
    if not mine and ways.policies:
        parts.append(f"what no rule accepts is dropped in {name_some(ways.policies, _SHOWN)}")
    return f"{end}: {', '.join(parts)}"


def missing_peers(views: Sequence[NodeView]) -> Mapping[str, str]:
    """Host → the line for its config.toml, for a node whose `persistent_peers` name nobody who
    runs; the others are named as their own peers dial them. Not where nobody dials anybody."""
    host_of = {view.node_id: view.host for view in views if view.node_id and view.answers}
    entry: dict[str, str] = {}
    dials: dict[str, set[str]] = {}
    for view in views:
        for peer in view.config.persistent_peers if view.config is not None else ():
            host = host_of.get(peer.rpartition("@")[0].lower())
            if host is not None and host != view.host:
                entry[host] = min(entry.get(host, peer), peer)
                dials.setdefault(view.host, set()).add(host)
    found = {}
    for view in views:
        others = [entry[host] for host in sorted(entry) if host != view.host][:MAX_PEERS]
        if view.answers and view.config is not None and others and view.host not in dials:
            peers = ",".join((*view.config.persistent_peers, *others))
            found[view.host] = f'persistent_peers = "{peers}"'
    return found


def removable(links: Iterable[BrokenLink]) -> Mapping[str, tuple[Obstacle, ...]]:
    """Host → the obstacles there that can be removed, each once, in the order of their lines."""
    found: dict[str, dict[str, Obstacle]] = defaultdict(dict)
    for link in links:
        for one in link.obstacles:
            if not one.kept:
                found[one.host][one.obstacle.line] = one.obstacle
    return {
        host: tuple(lines[line] for line in sorted(lines)) for host, lines in sorted(found.items())
    }


def cut_off(
    nodes: Iterable[NodeFinding], links: Iterable[BrokenLink], hosts: Iterable[str]
) -> tuple[NodeFinding, ...]:
    """The nodes that are cut off, and are an end of a link that something on `hosts` shuts which
    can be removed."""
    acting = frozenset(hosts)
    ends = {
        end
        for link in links
        if any(not one.kept and one.host in acting for one in link.obstacles)
        for end in (link.one, link.other)
    }
    return tuple(n for n in nodes if n.condition is NodeCondition.ISOLATED and n.host in ends)


def left_to_people(links: Iterable[BrokenLink]) -> tuple[LinkObstacle, ...]:
    """The obstacles that are named only, each once."""
    found = {
        (one.host, one.obstacle.line): one for link in links for one in link.obstacles if one.kept
    }
    return tuple(found[key] for key in sorted(found))


def advice(links: Sequence[BrokenLink]) -> str:
    """What people do about links that nothing here can mend; "" where there is none."""
    kept = left_to_people(links)
    if kept:
        shown = [
            f"on {one.host} the {one.obstacle.shown} ({one.kept}; "
            f"`sudo {one.obstacle.removal}` removes it)"
            for one in kept[:_SHOWN]
        ]
        return f"decide about {name_some(shown, _SHOWN)}; then wait, and restart nothing"
    open_ends = [link for link in links if not link.obstacles]
    if not open_ends:
        return ""
    named = name_some([f"{link.one} and {link.other}" for link in open_ends], _SHOWN)
    return (
        f"no host of the inventory shuts the way between {named}: look at what is between them "
        "(firewalls of the provider, security groups, cables, tunnels) for their p2p ports; wait, "
        "and restart nothing"
    )
