"""A Finding for a terminal: halted? since when? why? how sure? what next? Without scrolling."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from remediations.diagnose.finding import Answer, ChainClass, Finding, NodeCondition, NodeFinding
from remediations.model.quorum import has_quorum, percent
from remediations.render.console import (
    BAD,
    DIM,
    DOUBT,
    GOOD,
    STRONG,
    columns,
    drawn,
    facts,
    heading,
    line,
)
from remediations.render.words import count, moment, short

WELL = frozenset(
    {NodeCondition.HEALTHY, NodeCondition.WAITING, NodeCondition.NO_DAEMON, NodeCondition.STANDBY}
)
SHOWN_IN_FULL = 12
"""Up to so many nodes each has its line; beyond, healthy ones are counted and outliers named."""


def finding_text(finding: Finding, *, width: int, colour: bool, verbose: bool = False) -> str:
    """The whole finding as text."""
    parts = [*_answer(finding), *_nodes(finding)]
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
    return Text.assemble((str(finding.chain).upper(), style), f": {halted[finding.halted]}")


def _answer(finding: Finding) -> list[RenderableType]:
    share = percent(finding.online_power, finding.total_power)
    power = f"{finding.online_power} of {finding.total_power} ({share})"
    quorum = has_quorum(finding.online_power, finding.total_power)
    since = moment(finding.halted_since) if finding.halted_since else "–"
    rows: list[tuple[str, RenderableType | str]] = [
        ("why", finding.explanation),
        ("since", f"{since}; halted means {finding.halted_after_s} s without a block"),
        (
            "height",
            f"{finding.height}, round {finding.round}, step {finding.step}"
            f" (round moves: {finding.round_moves})",
        ),
        (
            "power",
            Text.assemble(
                power, " votes: ", ("quorum" if quorum else "no quorum", GOOD if quorum else BAD)
            ),
        ),
        ("witnesses", ", ".join(finding.witnesses[:SHOWN_IN_FULL]) or "none"),
    ]
    if finding.uncovered_power:
        rows.append(
            ("unseen", f"{finding.uncovered_power} of the power is on no host of the inventory")
        )
    return [verdict_line(finding), facts(rows)]


def _nodes(finding: Finding) -> list[RenderableType]:
    shown: Sequence[NodeFinding] = finding.nodes
    tail: list[RenderableType] = []
    if len(finding.nodes) > SHOWN_IN_FULL:
        shown = [node for node in finding.nodes if node.condition not in WELL]
        well = len(finding.nodes) - len(shown)
        tail = [line(f"and {count(well, 'node')} in good order", DIM)]
    table = columns(
        ("host", "power", "condition", "cause"),
        [
            (node.host, str(node.power) if node.power else "–", _condition(node), _cause(node))
            for node in shown
        ],
    )
    return [heading("nodes"), table, *tail]


def _condition(node: NodeFinding) -> Text:
    style = GOOD if node.condition in WELL else BAD
    if node.condition in (NodeCondition.UNKNOWN, NodeCondition.UNREACHABLE):
        style = DOUBT
    return Text(str(node.condition), style=style)


def _cause(node: NodeFinding) -> str:
    return f"{node.cause} → {node.by_hand}" if node.by_hand else node.cause


def _clusters(finding: Finding) -> list[RenderableType]:
    return [
        heading("app hashes"),
        columns(
            ("height", "app hash", "power", "hosts"),
            [
                (str(c.height), short(c.app_hash), str(c.power), ", ".join(c.hosts))
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
                    short(p.node_id),
                    p.moniker,
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
            [(e.reading, f"{e.at:%H:%M:%S}", f"{e.says} ({e.source})") for e in every],
        ),
    ]
