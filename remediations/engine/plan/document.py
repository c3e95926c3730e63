"""A Plan as a document: every field of what is signed, in the order in which it is judged.

A field that is added to the plan is shown by one row here, in text, Markdown and HTML at once; the
tests find one that was forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.find.finding import Finding
from remediations.engine.plan.appendix import MANY, appendix, where
from remediations.engine.plan.essence import TOGETHER, GuardRow, Program, guard_rows, programs
from remediations.engine.plan.parts import part_rows
from remediations.engine.plan.plan import Command, Outcome, Plan, Stage
from remediations.render.document import (
    Block,
    Bullets,
    Document,
    Heading,
    Labelled,
    Notice,
    Paragraph,
    Table,
    Tone,
    Toned,
    Words,
    folded,
    names,
)
from remediations.render.document import Program as Text
from remediations.render.printable import Exact
from remediations.render.words import count, instant, percent

TONES = {Outcome.PASS: Tone.GOOD, Outcome.BLOCK: Tone.BAD, Outcome.UNKNOWN: Tone.DOUBT}


def plan_document(plan: Plan, digest: str, *, whole: bool = False) -> Document:
    """The plan. Programs that many hosts share stand once, unless it is to be shown `whole`."""
    return (
        Heading(1, plan.title),
        Labelled(_summary(plan, digest)),
        *(Notice(text) for text in plan.warnings),
        *_finding(plan.finding),
        *_guards(plan, whole=whole),
        *(block for stage in plan.stages for block in _stage(stage, whole=whole)),
        *_facts(plan),
        Heading(2, "Checks afterwards"),
        Bullets(tuple((Exact(check.id), f" {check.title}") for check in plan.checks)),
        *appendix(plan),
    )


def _summary(plan: Plan, digest: str) -> tuple[tuple[str, Words], ...]:
    finding = plan.finding
    return (
        ("Playbook", (Exact(plan.playbook), " / ", Exact(plan.branch))),
        (
            "Chain",
            (
                Exact(plan.chain_id),
                f", {finding.chain} at height {finding.height}, round {finding.round}, step "
                f"{finding.step} (round moves: {finding.round_moves})",
            ),
        ),
        (
            "Power",
            f"{finding.online_power} of {finding.total_power} votes; {finding.uncovered_power} "
            "of it on no host of the inventory",
        ),
        ("Halted", _halted(finding)),
        ("Risk", f"{plan.risk}: {plan.worst_case}"),
        ("Observed", f"{instant(plan.observed_at)}, expires {instant(plan.expires_at)}"),
        ("Approvals", f"{plan.approvals_needed} (the planner may be the approver)"),
        ("Digest", Exact(digest)),
        ("Inventory", (Exact(plan.inventory_digest), " (its digest)")),
        ("Observation", (Exact(plan.observation_digest), " (its digest)")),
        ("Made by", (Exact(plan.tool), f", plan format {plan.format}")),
        (
            "With playbooks of",
            (
                Exact(plan.origin.distribution),
                " ",
                Exact(plan.origin.version),
                ", files ",
                Exact(plan.origin.digest),
            ),
        ),
    )


def _halted(finding: Finding) -> str:
    since = f" since {instant(finding.halted_since)}" if finding.halted_since else ""
    return f"{finding.halted}{since}; halted means {finding.halted_after_s} s without a block"


def _finding(finding: Finding) -> Iterator[Block]:
    yield Heading(2, "Finding")
    yield Paragraph(finding.explanation)
    yield Labelled(
        (
            ("Next", finding.next_step),
            ("Witnesses", names(finding.witnesses)),
            ("Voting now", names(finding.voting)),
        )
    )
    nodes = Table(
        ("Host", "Power", "Condition", "Cause"),
        tuple((Exact(n.host), str(n.power), n.condition.value, n.cause) for n in finding.nodes),
    )
    yield folded(f"All {len(nodes.rows)} nodes", nodes, beyond=MANY)
    if finding.clusters:
        yield Heading(3, "App hashes")
        yield Table(
            ("Height", "Power", "App hash", "Hosts"),
            tuple(
                (str(c.height), str(c.power), Exact(c.app_hash), names(c.hosts))
                for c in finding.clusters
            ),
        )
    if finding.components:
        yield Heading(3, "Nodes that reach each other")
        yield Table(
            ("Power", "Hosts", "Not in the inventory"),
            tuple((str(c.power), names(c.hosts), names(c.unlisted)) for c in finding.components),
        )
    if finding.unlisted:
        yield Heading(3, "Nodes that are not in the inventory")
        yield Table(
            ("Height", "Calls itself", "Seen by", "Node id"),
            tuple(
                (str(p.height), Exact(p.moniker), names(p.seen_by), Exact(p.node_id))
                for p in finding.unlisted
            ),
        )


def _guards(plan: Plan, *, whole: bool) -> Iterator[Block]:
    passed = len(plan.guards) - len(plan.blocked)
    alone = [GuardRow(guard, (guard.host,)) for guard in plan.guards]
    yield Heading(2, f"Guards: {passed} of {len(plan.guards)} pass")
    yield Table(
        ("Guard", "Host", "Outcome", "Title", "Got", "Expected"),
        tuple(
            (
                Exact(guard.id),
                where(hosts),
                Toned(guard.outcome.upper(), TONES[guard.outcome]),
                guard.title,
                guard.got,
                guard.expected
                if guard.outcome is Outcome.PASS
                else (guard.expected, ". ", Toned("Next:", Tone.STRONG), f" {guard.next_step}"),
            )
            for guard, hosts in (alone if whole else guard_rows(plan))
        ),
    )


def _stage(stage: Stage, *, whole: bool) -> Iterator[Block]:
    power, gate = stage.power, stage.gate
    together = " at once" if len(stage.commands) > 1 else ""
    yield Heading(2, f"Stage {stage.number}: {stage.title}")
    yield Labelled(
        (
            ("Why", stage.why),
            (
                "Power",
                f"{power.before} → at worst {power.worst} → {power.after} of {power.total} "
                f"({percent(power.after, power.total)})",
            ),
            ("Gate", f"{gate.title}, at most {gate.timeout_s} s"),
            ("Gate asks", Exact(gate.asks.kind)),
            *((f"· {row.path}", names(row.values)) for row in part_rows(gate.asks)),
            ("May rise until applied", names(gate.rises)),
            ("Deploys", names(stage.deploys)),
            (
                "Runs on",
                f"{count(len(stage.commands), 'host')}{together}, as root in a transient unit",
            ),
        )
    )
    for program in _programs(stage, whole=whole):
        yield from _command(program)


def _programs(stage: Stage, *, whole: bool) -> tuple[Program[Command], ...]:
    if whole:
        return tuple(Program(command, ()) for command in stage.commands)
    return programs(stage.commands)


def _command(program: Program[Command]) -> Iterator[Block]:
    first = program.first
    text = Text(first.text)
    yield Heading(3, ("On ", Exact(first.host), ": ", Exact(first.operation)))
    yield Paragraph(
        f"{text.size}, at most {first.timeout_s} s, {first.fidelity}. Undo: {first.undo}"
    )
    yield text
    asked = Exact(str(first.probe))
    yield Paragraph(("Where no result is left, this tells whether the effect is there: ", asked))
    if program.others:
        yield Paragraph(f"On {count(len(program.others), 'more host')} the same program, with:")
        yield _others(program)


def _others(program: Program[Command]) -> Table:
    rows: tuple[tuple[Words, ...], ...] = tuple(
        (Exact(other.host), Exact(own)) for other, own in program.others
    )
    header: tuple[str, ...] = ("Host", "Values in place of those above")
    if any(other.probe != program.first.probe for other, _ in program.others):
        header += ("What tells whether the effect is there",)
        rows = tuple(
            (*row, Exact(str(other.probe)))
            for row, (other, _) in zip(rows, program.others, strict=True)
        )
    return Table(header, rows)


def _facts(plan: Plan) -> Iterator[Block]:
    yield Heading(2, "Facts that decided")
    table = Table(
        ("Fact", "Value", "May move", "Why", "Source"),
        tuple(
            (Exact(f.name), Exact(f.value), f.rule.value, f.why, f"{f.source}, {instant(f.at)}")
            for f in plan.facts
        ),
    )
    yield folded(f"All {len(table.rows)} facts", table, beyond=MANY * TOGETHER)
