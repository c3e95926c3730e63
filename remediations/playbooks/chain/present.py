"""The chain's finding as people read it: rows of the first screen, subjects, tables. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from remediations.engine.find.finding import (
    Finding,
    FindingRow,
    FindingTable,
    Health,
    Subject,
)
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.diagnose.equivocation import signed_twice_text
from remediations.playbooks.chain.diagnose.explain import playbook_for
from remediations.playbooks.chain.finding import (
    BlockProof,
    BrokenLink,
    ChainFinding,
    FileWitness,
    NodeFinding,
    Tristate,
    UnlistedPeer,
)
from remediations.render.formats import count_of, format_moment, name_some, percent
from remediations.systems.comet.proof.equivocation import Equivocation
from remediations.systems.comet.quorum import has_quorum

DOMAIN = "chain"
SHOWN_IN_FULL = 12
"""How many witnesses are named; where there are more, only some are."""

SHOWN_LINKS = 40

HALTED: Mapping[Tristate, str] = MappingProxyType(
    {Tristate.YES: "halted", Tristate.NO: "not halted", Tristate.UNKNOWN: "unclear whether halted"}
)


def present(finding: ChainFinding) -> Finding:
    """The finding as people read it."""
    return Finding(
        domain=DOMAIN,
        verdict=finding.chain.value,
        health=finding.chain.rule.health,
        headline=HALTED[finding.halted],
        explanation=finding.explanation,
        since=finding.halted_since,
        rows=tuple(_rows(finding)),
        noun="node",
        measure="power",
        subjects=tuple(_subject(node, finding.files) for node in finding.nodes),
        tables=tuple(_tables(finding)),
        next_step=finding.next_step,
        playbook=playbook_for(finding.chain, finding.nodes, finding.links) or "",
        witnesses=finding.witnesses,
        evidence=finding.evidence,
    )


def _rows(finding: ChainFinding) -> Iterator[FindingRow]:
    since = format_moment(finding.halted_since) if finding.halted_since else "–"
    limit = f"halted means {finding.halted_after_s} s without a block"
    yield FindingRow(title="since", text=f"{since}; {limit}")
    if finding.witnesses:
        where = f"{finding.height}, round {finding.round}, step {finding.step}"
        moves = f"(round moves: {finding.round_moves})"
        yield FindingRow(title="height", text=f"{where} {moves}")
        yield _power(finding)
    else:
        yield FindingRow(title="height", text="unknown")
        yield FindingRow(title="power", text=finding.powers or "unknown")
    yield FindingRow(title="how sure", text=_surety(finding))
    if finding.files is not None and finding.files.newest:
        yield FindingRow(title="last block", text=_last_block(finding.files))
    if finding.chain is ChainClass.PARTITION:
        sides = [f"{c.power}: {name_some(c.hosts, 6)}" for c in finding.components]
        yield FindingRow(title="sides", text=" | ".join(sides), health=Health.DOWN)
    if finding.proof is not None:
        yield FindingRow(title="proven", text=_proven(finding.proof))
    if finding.chain is ChainClass.DOUBLE_SIGNING and not finding.equivocations:
        told = "only told, by journals, processes or headers: no two signatures were read"
        yield FindingRow(title="signed twice", text=told)
    for twice in finding.equivocations:
        yield FindingRow(title="signed twice", text=_signed_twice(twice), health=Health.DOWN)
    if finding.uncovered_power and finding.files is None:
        yield FindingRow(title="unseen", text=_unseen(finding))


def _last_block(files: FileWitness) -> str:
    """What sign states tell of it, and by whose powers."""
    highest = min(files.newest, files.bound)
    blocks = f"{files.newest - 1} or {highest}" if highest >= files.newest else str(highest)
    return f"{blocks}, by the sign states and the powers of the first block"


def _unseen(finding: ChainFinding) -> str:
    """Power that is on no host, or whose host could not be read: two things to do."""
    power = f"{finding.uncovered_power} of the power"
    if not finding.unread_keys:
        return f"{power} is on no host of the inventory"
    return f"{power}: its key could not be read ({name_some(finding.unread_keys, 4)})"


def _power(finding: ChainFinding) -> FindingRow:
    share = percent(finding.online_power, finding.total_power)
    quorum = has_quorum(finding.online_power, finding.total_power)
    if finding.chain is ChainClass.PARTITION:
        votes = f"{finding.online_power} of {finding.total_power} ({share}) votes"
        parts = f"in {len(finding.components)} parts, none with a quorum"
        return FindingRow(title="power", text=f"{votes}, {parts}", health=Health.DOWN)
    return FindingRow(
        title="power",
        text=f"{finding.online_power} of {finding.total_power} ({share}) votes: "
        f"{'quorum' if quorum else 'no quorum'}",
        health=Health.WELL if quorum else Health.DOWN,
    )


def _surety(finding: ChainFinding) -> str:
    """How many nodes say so: one node alone decides nothing
    (docs/rules/hazards.md#one-witness)."""
    if not finding.witnesses:
        return "not at all: no node answers for the chain"
    number = count_of(len(finding.witnesses), "witness", "witnesses")
    said = f"{number}: {name_some(finding.witnesses, SHOWN_IN_FULL)}"
    if len(finding.witnesses) > 1:
        return said
    if finding.proof is not None and finding.proof.height:
        return f"{said}; what it tells beyond the proven block is too little to act on"
    return f"{said}; too few to act on, two are needed"


def _proven(proof: BlockProof) -> str:
    """What signatures prove, and what is only told."""
    if not proof.height:
        return f"nothing: {proof.reason}; all of this is only told"
    return (
        f"block {proof.height} ({proof.block_hash[:12]}, {proof.time[:19].replace('T', ' ')} UTC) "
        f"is signed by {proof.signed} of {proof.total} power: {proof.verified} of "
        f"{count_of(proof.shown, 'signature')} verified, {proof.trust}. "
        "Only told: later blocks, rounds, votes under way, the app hash after the last block"
    )


def _signed_twice(twice: Equivocation) -> str:
    """Who signed what, proven by both signatures."""
    return f"{twice.address} signed {signed_twice_text(twice)}; both signatures are verified"


def _subject(node: NodeFinding, files: FileWitness | None) -> Subject:
    """Its power is shown where a node tells it: the row `power` has those of the first block."""
    return Subject(
        name=node.host,
        condition=node.condition.value,
        health=node.condition.rule.health,
        weight=(node.power or None) if files is None else None,
        cause=node.cause,
        by_hand=node.by_hand,
        evidence=node.evidence,
    )


def _listed(peer: UnlistedPeer) -> str:
    """Whether it is a stranger, or a host of ours that told nothing of itself."""
    if not peer.may_be:
        return "no"
    return f"may be {name_some(peer.may_be, 3)}, which could not be read"


def _broken(finding: ChainFinding) -> FindingTable:
    """Who does not reach whom, and what shuts the way; most power first."""
    power = {node.host: node.power for node in finding.nodes}
    links = sorted(
        finding.links, key=lambda link: -power.get(link.one, 0) - power.get(link.other, 0)
    )
    rows = [
        (
            f"{link.one} ({power.get(link.one, 0)}), {link.other} ({power.get(link.other, 0)})",
            "; ".join(link.says),
            _whose(link),
        )
        for link in links[:SHOWN_LINKS]
    ]
    more = len(finding.links) - len(rows)
    if more:
        rows.append((f"{more} more", "", ""))
    columns = ("between (power)", "what the hosts say", "a plan removes")
    return FindingTable(title="broken links", columns=columns, rows=tuple(rows))


def _whose(link: BrokenLink) -> str:
    """What of it a plan can remove, and why not the rest."""
    if not link.obstacles:
        return "nothing: it is between the hosts"
    parts = [
        f"on {one.host} " + (f"not: {one.kept}" if one.kept else f"{one.obstacle.removal}")
        for one in link.obstacles
    ]
    return "; ".join(dict.fromkeys(parts))


def _tables(finding: ChainFinding) -> Iterator[FindingTable]:
    if len(finding.clusters) > 1:
        yield FindingTable(
            title="app hashes",
            columns=("height", "app hash", "power", "hosts"),
            rows=tuple(
                (str(c.height), c.app_hash, str(c.power), ", ".join(c.hosts))
                for c in finding.clusters
            ),
        )
    if len(finding.components) > 1:
        yield FindingTable(
            title="nodes that reach each other",
            columns=("power", "hosts", "not in the inventory"),
            rows=tuple(
                (str(c.power), ", ".join(c.hosts), ", ".join(c.unlisted) or "none")
                for c in finding.components
            ),
        )
    if finding.links:
        yield _broken(finding)
    if finding.unlisted:
        yield FindingTable(
            title="nodes that only others show",
            columns=("node id", "name", "height", "seen by", "in the inventory"),
            rows=tuple(
                (
                    p.node_id,
                    p.moniker,
                    str(p.height) if p.height else "unknown",
                    name_some(p.seen_by, 4),
                    _listed(p),
                )
                for p in finding.unlisted
            ),
        )
