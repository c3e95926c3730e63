"""What else is signed with a plan: what the checks compare with, where the nodes are, what the
guards rest on, and the readings behind the finding."""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.find.finding import Evidence, Finding
from remediations.engine.plan.essence import TOGETHER, grounds
from remediations.engine.plan.plan import Baseline, Plan, Target
from remediations.render.document import Block, Heading, Labelled, Table, Words, folded, names
from remediations.render.printable import Exact
from remediations.render.words import count, instant
from remediations.values.login import Login

MANY = 12
"""Rows beyond which a page shows a table on demand."""


def appendix(plan: Plan) -> Iterator[Block]:
    """All of it."""
    yield from _baseline(plan.baseline)
    yield from _targets(plan.targets)
    yield from _logins(plan.logins)
    yield from _grounds(plan)
    yield from _evidence(plan.finding)


def _baseline(baseline: Baseline) -> Iterator[Block]:
    yield Heading(2, "What the checks compare with")
    yield Labelled(
        (
            ("Height", str(baseline.height)),
            ("Power", f"{baseline.online_power} of {baseline.total_power} votes"),
        )
    )
    rows: list[tuple[Words, ...]] = []
    for host, height, round_, step in baseline.sign_states:
        rows.append((Exact(host), "sign state", Exact(f"{height}/{round_}/{step}")))
    rows += [(Exact(host), "peers", str(number)) for host, number in baseline.peers]
    rows += [(Exact(host), "program", Exact(sha256)) for host, sha256 in baseline.binaries]
    rows += [
        (Exact(host), "process to be left alone", f"pid {pid}, started at tick {ticks}")
        for host, pid, ticks in baseline.untouched
    ]
    table = Table(("Host", "What", "Before"), tuple(rows))
    yield folded(f"All {count(len(rows), 'value')}", table, beyond=MANY * TOGETHER)


def _targets(targets: tuple[Target, ...]) -> Iterator[Block]:
    yield Heading(2, "Where the nodes are")
    table = Table(
        ("Host", "Unit", "User", "Home", "RPC", "Power", "Address"),
        tuple(
            (
                Exact(t.host),
                Exact(t.unit),
                Exact(t.user),
                Exact(t.home),
                Exact(t.rpc_url),
                str(t.power),
                Exact(t.address),
            )
            for t in targets
        ),
    )
    yield folded(f"All {count(len(targets), 'node')}", table, beyond=MANY)


def _logins(logins: tuple[Login, ...]) -> Iterator[Block]:
    yield Heading(2, "Where the names lead")
    rows: list[tuple[Words, ...]] = []
    for login in logins:
        if not login.hops:
            rows.append((Exact(login.host), "unknown", "–", "–", "–", login.trouble))
        for number, hop in enumerate(login.hops, 1):
            rows.append(
                (
                    Exact(login.host),
                    "itself" if number == len(login.hops) else f"hop {number}",
                    (Exact(hop.user), " at ", Exact(hop.hostname), f" port {hop.port}"),
                    Exact(hop.proxy_command) if hop.proxy_command else "–",
                    names(hop.host_keys),
                    login.trouble or "–",
                )
            )
    header = ("Host", "Step", "Machine", "ProxyCommand", "Host keys", "Trouble")
    yield folded(f"All {count(len(logins), 'name')}", Table(header, tuple(rows)), beyond=MANY)


def _grounds(plan: Plan) -> Iterator[Block]:
    yield Heading(2, "What the guards rest on")
    yield Table(
        ("Guard", "Host", "Facts", "If it did not hold"),
        tuple(
            (Exact(row.id), where(row.hosts), names(row.facts), row.next_step)
            for row in grounds(plan)
        ),
    )


def _evidence(finding: Finding) -> Iterator[Block]:
    yield Heading(2, "Readings relied upon")
    readings = [("chain", e) for e in finding.evidence]
    readings += [(Exact(node.host), e) for node in finding.nodes for e in node.evidence]
    table = Table(
        ("About", "Reading", "At", "Says", "Source"),
        tuple((about, *_reading(evidence)) for about, evidence in readings),
    )
    yield folded(f"All {count(len(readings), 'reading')}", table, beyond=MANY)
    nodes = Table(
        ("Host", "Address", "By hand"),
        tuple((Exact(n.host), Exact(n.address), n.by_hand) for n in finding.nodes),
    )
    yield folded(f"Addresses of {count(len(nodes.rows), 'node')}", nodes, beyond=MANY)


def _reading(evidence: Evidence) -> tuple[Words, ...]:
    return (Exact(evidence.reading), instant(evidence.at), evidence.says, evidence.source)


def where(hosts: tuple[str, ...]) -> Words:
    """The hosts of a row; "" among them is the whole set."""
    if len(hosts) == 1:
        return Exact(hosts[0]) if hosts[0] else "all"
    return (f"{len(hosts)} hosts: ", *names(hosts))
