"""A Finding for a terminal: halted? since when? why? how sure? what next? Without scrolling."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from remediations.engine.find.finding import Answer, ChainClass, Finding, NodeCondition, NodeFinding
from remediations.render.console import (
    BAD,
    DIM,
    DOUBT,
    GOOD,
    STRONG,
    Part,
    columns,
    drawn,
    facts,
    heading,
    line,
    sentence,
)
from remediations.render.printable import Exact
from remediations.render.words import count, moment, percent, short, some
from remediations.systems.comet.quorum import has_quorum

WELL = frozenset(
    {NodeCondition.HEALTHY, NodeCondition.WAITING, NodeCondition.NO_DAEMON, NodeCondition.STANDBY}
)
SHOWN_IN_FULL = 12
"""Up to so many nodes each has its line; beyond, healthy ones are counted, and many with the same
trouble share a line that names them."""
TOGETHER = 4


def finding_text(finding: Finding, *, width: int, colour: bool, verbose: bool = False) -> str:
    """The whole finding as text."""
    parts = [*_answer(finding), *_nodes(finding), *_by_hand(finding)]
    if finding.clusters and len(finding.clusters) > 1:
        parts += _clusters(finding)
    if finding.unlisted:
        parts += _unlisted(finding)
    if verbose:
        parts += _evidence(finding)
    parts += [heading("next"), line(finding.next_step, STRONG)]
    return drawn(parts, width=width, colour=colour)


def verdict_line(finding: Finding) -> Text:
    """One line: the class, and whether the chain is halted."""
    style = GOOD if finding.chain is ChainClass.HEALTHY else BAD
    if finding.chain is ChainClass.UNDETERMINED:
        style = DOUBT
    halted = {
        Answer.YES: "halted",
        Answer.NO: "not halted",
        Answer.UNKNOWN: "unclear whether halted",
    }
    return sentence((str(finding.chain).upper(), style), f": {halted[finding.halted]}")


def _answer(finding: Finding) -> list[RenderableType]:
    share = percent(finding.online_power, finding.total_power)
    power = f"{finding.online_power} of {finding.total_power} ({share})"
    quorum = has_quorum(finding.online_power, finding.total_power)
    since = moment(finding.halted_since) if finding.halted_since else "–"
    rows: list[tuple[str, Part]] = [
        ("why", finding.explanation),
        ("since", f"{since}; halted means {finding.halted_after_s} s without a block"),
        (
            "height",
            f"{finding.height}, round {finding.round}, step {finding.step}"
            f" (round moves: {finding.round_moves})",
        ),
        (
            "power",
            sentence(
                power, " votes: ", ("quorum" if quorum else "no quorum", GOOD if quorum else BAD)
            ),
        ),
        ("how sure", _surety(finding)),
    ]
    if not finding.witnesses:
        rows[2:4] = [("height", "unknown"), ("power", "unknown")]
    if finding.uncovered_power:
        rows.append(
            ("unseen", f"{finding.uncovered_power} of the power is on no host of the inventory")
        )
    return [verdict_line(finding), facts(rows)]


def _surety(finding: Finding) -> str:
    """How many nodes say so: the word of one decides nothing
    (docs/rules/hazards.md#one-witness)."""
    if not finding.witnesses:
        return "not at all: no node answers for the chain"
    number = count(len(finding.witnesses), "witness", "witnesses")
    said = f"{number}: {some(finding.witnesses, SHOWN_IN_FULL)}"
    return said if len(finding.witnesses) > 1 else f"{said}; too few to act on, two are needed"


def _nodes(finding: Finding) -> list[RenderableType]:
    groups = [[node] for node in finding.nodes]
    tail: list[RenderableType] = []
    if len(finding.nodes) > SHOWN_IN_FULL:
        groups = _alike([node for node in finding.nodes if node.condition not in WELL])
        well = len(finding.nodes) - sum(len(group) for group in groups)
        tail = [line(f"and {count(well, 'node')} in good order", DIM)] if well else []
    table = columns(("host", "power", "condition", "cause"), [_row(group) for group in groups])
    return [heading("nodes"), table, *tail]


def _alike(nodes: Sequence[NodeFinding]) -> list[list[NodeFinding]]:
    """Nodes with the same condition and cause together, where they are many."""
    groups: dict[tuple[NodeCondition, str], list[NodeFinding]] = {}
    for node in nodes:
        groups.setdefault((node.condition, node.cause), []).append(node)
    return [
        part
        for group in groups.values()
        for part in ([group] if len(group) >= TOGETHER else [[node] for node in group])
    ]


def _row(group: Sequence[NodeFinding]) -> tuple[str, str, Text, str]:
    first = group[0]
    power = sum(node.power for node in group)
    host, cause = Exact(first.host), first.cause
    if len(group) > 1:
        host, cause = (
            Exact(count(len(group), "node")),
            f"{cause}: {', '.join(n.host for n in group)}",
        )
    return host, str(power) if power else "–", _condition(first), cause


def _by_hand(finding: Finding) -> list[RenderableType]:
    """What people have to do, each advice once."""
    advice: dict[str, list[str]] = {}
    for node in finding.nodes:
        if node.by_hand:
            advice.setdefault(node.by_hand, []).append(node.host)
    if not advice:
        return []
    return [heading("by hand"), *(line(f"{some(h)}: {what}") for what, h in advice.items())]


def _condition(node: NodeFinding) -> Text:
    style = GOOD if node.condition in WELL else BAD
    if node.condition in (NodeCondition.UNKNOWN, NodeCondition.UNREACHABLE):
        style = DOUBT
    return line(str(node.condition), style)


def _clusters(finding: Finding) -> list[RenderableType]:
    return [
        heading("app hashes"),
        columns(
            ("height", "app hash", "power", "hosts"),
            [
                (str(c.height), Exact(short(c.app_hash)), str(c.power), ", ".join(c.hosts))
                for c in finding.clusters
            ],
        ),
    ]


def _unlisted(finding: Finding) -> list[RenderableType]:
    return [
        heading("nodes that are not in the inventory"),
        columns(
            ("node id", "name", "height", "seen by"),
            [
                (
                    Exact(short(p.node_id)),
                    Exact(p.moniker),
                    str(p.height) if p.height else "–",
                    ", ".join(p.seen_by),
                )
                for p in finding.unlisted
            ],
        ),
    ]


def _evidence(finding: Finding) -> list[RenderableType]:
    every = [*finding.evidence, *(e for node in finding.nodes for e in node.evidence)]
    return [
        heading("readings relied upon"),
        columns(
            ("reading", "at", "says"),
            [(Exact(e.reading), f"{e.at:%H:%M:%S}", f"{e.says} ({e.source})") for e in every],
        ),
    ]
