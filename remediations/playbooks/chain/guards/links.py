"""Guards on removing what shuts the ways to peers (ids: docs/rules/guards.md)."""

from __future__ import annotations

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.finding import BrokenLink, ChainFinding
from remediations.playbooks.chain.mend_facts import ways_read
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.reading import HostReading

Whole = Proposal[ChainSituation]
_SHOWN = 3


def ways_known(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G70: the ways from this host to its peers were read."""
    ways = ways_read(reading)
    firewall = f"; its firewall was not read: {ways.unread}" if ways and ways.unread else ""
    return guard_result(
        "G70",
        "what shuts the ways from this host was read",
        subject=reading.host,
        holds=None if ways is None else True,
        got="its ways were not read"
        if ways is None
        else f"{len(ways.ways)} ways, {len(ways.obstacles)} routes, rules and interfaces that "
        f"shut one{firewall}",
        expected="its routes, its interfaces, and how the ports of its peers answer it",
        next_step=f"`ip route show table all` and `sudo nft -a list ruleset` on {reading.host} by "
        "hand; ways are read where the node answers and lacks persistent peers, or stands",
        facts=(f"{reading.host}.obstacles",),
    )


def peers_only(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G71: there is something to remove, and it names nobody but peers of ours."""
    mine = chain.obstacles.get(reading.host, ())
    kept = [
        f"{one.obstacle.shown} ({one.kept}; `sudo {one.obstacle.removal}` removes it)"
        for one in chain.obstacles_kept.get(reading.host, ())
    ]
    return guard_result(
        "G71",
        "what is removed names listed peers only, or the own p2p port",
        subject=reading.host,
        holds=bool(mine),
        got=name_some([one.shown for one in mine], _SHOWN)
        or ("only what is left to people" if kept else "nothing there shuts the way to a peer"),
        expected="a route, a rule or an interface that shuts the way to a peer, understood word "
        "for word",
        next_step=f"decide on {reading.host} about {name_some(kept, _SHOWN)}"
        if kept
        else f"leave {reading.host} out (`--limit`); `remediate diagnose` shows the broken links",
        facts=(f"{reading.host}.obstacles",),
    )


def one_state(chain: ChainSituation, _proposal: Whole) -> GuardResult:
    """G72: nodes of two app hashes are not brought together."""
    clusters = chain.finding.clusters
    return guard_result(
        "G72",
        "all nodes that meet again have one state",
        holds=len(clusters) == 1 if clusters else None,
        got="; ".join(
            f"{one.app_hash[:12]} after {one.height} on {name_some(one.hosts, _SHOWN)}"
            for one in clusters
        )
        or "no app hash was read",
        expected="one app hash at one height",
        next_step="first decide which state is right (docs/rules/classes.md#app-hash-split); what "
        "keeps them apart may be there for this"
        if len(clusters) > 1
        else "make the RPC of two nodes readable, then `remediate diagnose` again",
    )


def joins_quorum(chain: ChainSituation, proposal: Whole) -> GuardResult | None:
    """G73: in a halt, what meets again is a quorum; less would be useless."""
    finding = chain.finding
    if finding.chain.rule.goes_on:
        return None
    hosts, power = _joined(chain, proposal)
    left = [f"{one.one} and {one.other}" for one in finding.links if not _mended(one, proposal)]
    return guard_result(
        "G73",
        "the nodes that reach each other afterwards have more than two thirds",
        holds=has_quorum(power, finding.total_power) if finding.total_power else None,
        got=f"{power} of {finding.total_power}: {name_some(sorted(hosts), 6)}",
        expected="more than 2/3",
        next_step=f"mend what is between {name_some(left, _SHOWN)} first; `remediate diagnose` "
        "shows what is known of it"
        if left
        else "bring back the validators that are down first",
        facts=("chain.total_power",),
    )


def _mended(link: BrokenLink, proposal: Whole) -> bool:
    """Whether all that is known to shut it is removed by the proposal."""
    return bool(link.obstacles) and all(
        not one.kept and one.host in proposal.targets for one in link.obstacles
    )


def _joined(chain: ChainSituation, proposal: Whole) -> tuple[frozenset[str], int]:
    """The largest group of hosts that reach each other once the links are mended."""
    groups = [frozenset(one.hosts) for one in chain.finding.components]
    for link in chain.finding.links:
        if _mended(link, proposal):
            ends = {link.one, link.other}
            meets = [group for group in groups if group & ends]
            groups = [group for group in groups if not group & ends]
            groups.append(frozenset().union(*meets))
    powers = [(_power(chain.finding, group), group) for group in groups]
    power, group = max(powers, key=lambda one: (one[0], sorted(one[1])), default=(0, frozenset()))
    return group, power


def _power(finding: ChainFinding, hosts: frozenset[str]) -> int:
    return sum(node.power for node in finding.nodes if node.host in hosts)
