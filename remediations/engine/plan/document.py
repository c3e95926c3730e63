"""A Plan as a document: every field of what is signed, in the order in which people judge it.

A field that is added to the plan needs one row here, for text, Markdown and HTML; the tests detect
a field that is not shown.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from remediations.engine.find.finding import Finding, FindingRow, Health
from remediations.engine.plan.appendix import MANY, appendix, part_words, subject_words
from remediations.engine.plan.applicable import first_line, why_not
from remediations.engine.plan.grouping import (
    TOGETHER,
    GuardRow,
    SharedProgram,
    group_by_program,
    guard_rows,
)
from remediations.engine.plan.plan import ChosenInput, Impact, Outcome, Plan, Stage, Step
from remediations.render.document import (
    Block,
    Bullets,
    Document,
    Heading,
    Labelled,
    Notice,
    Output,
    Paragraph,
    Table,
    Tone,
    Toned,
    Words,
    exact_names,
    folded_table,
)
from remediations.render.document import CodeBlock as Text
from remediations.render.formats import count_of, format_instant, percent
from remediations.render.printable import Exact

HEALTH_TONES = {
    Health.WELL: Tone.GOOD,
    Health.UNKNOWN: Tone.DOUBT,
    Health.DEGRADED: Tone.BAD,
    Health.DOWN: Tone.BAD,
}
TONES = {Outcome.PASS: Tone.GOOD, Outcome.BLOCK: Tone.BAD, Outcome.UNKNOWN: Tone.DOUBT}


READ_ITSELF = "What is read is what runs:"
"""Shown before a payload that has no preview."""


def plan_document(
    plan: Plan, digest: str, *, whole: bool = False, change: str = "", cannot: str = ""
) -> Document:
    """The plan. Programs that many targets share are shown once, unless `whole` is set. `change` is
    its change digest, "" for none to be shown; `cannot` says why it cannot be applied, besides its
    guards (`applicable.why_not`)."""
    return (
        *first_line(cannot or why_not(plan)),
        Heading(1, plan.title),
        Labelled(_summary(plan, digest, change)),
        *(Notice(text) for text in plan.warnings),
        *_finding(plan.finding),
        *_guards(plan, whole=whole),
        *(block for stage in plan.stages for block in _stage(stage, whole=whole)),
        *_facts(plan),
        Heading(2, "Checks afterwards"),
        Bullets(tuple((Exact(check.id), f" {check.title}") for check in plan.checks)),
        *appendix(plan),
    )


def _summary(plan: Plan, digest: str, change: str) -> tuple[tuple[str, Words], ...]:
    return (
        ("Playbook", (Exact(plan.playbook), " / ", Exact(plan.branch))),
        *([("Chosen", input_words(plan.inputs))] if plan.inputs else []),
        ("Acts on", (*exact_names(plan.resources), " (", Exact(plan.domain), ")")),
        ("Risk", f"{plan.risk}: {plan.worst_case}"),
        (
            "Observed",
            f"{format_instant(plan.observed_at)}, expires {format_instant(plan.expires_at)}",
        ),
        ("Approvals", f"{plan.approvals_needed} (the planner may be the approver)"),
        ("Digest", Exact(digest)),
        *([("Change", (Exact(change), " (the same without times and words)"))] if change else []),
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


def input_words(inputs: tuple[ChosenInput, ...]) -> tuple[str, ...]:
    """What people chose, in the form in which it is typed: `--pause 2, --colour red`."""
    words = [
        part for one in inputs for part in (", ", Exact(f"--{one.name}"), " ", Exact(one.value))
    ]
    return tuple(words[1:])


def _finding(finding: Finding) -> Iterator[Block]:
    verdict = Toned(finding.verdict.upper(), HEALTH_TONES[finding.health])
    yield Heading(2, "Finding")
    yield Paragraph((verdict, f": {finding.headline}. {finding.explanation}"))
    rows: list[tuple[str, Words]] = [(row.title.capitalize(), _toned(row)) for row in finding.rows]
    rows += [
        ("Began", format_instant(finding.since) if finding.since else "–"),
        ("Health", f"of the domain {finding.domain}: {finding.health}"),
        ("Next", finding.next_step),
        ("Playbook", Exact(finding.playbook) if finding.playbook else "–"),
        ("Witnesses", exact_names(finding.witnesses)),
    ]
    if finding.causes:
        rows.append(("Causes the trouble of", exact_names(finding.causes)))
    yield Labelled(tuple(rows))
    if finding.subjects:
        yield _subjects(finding)
    for table in finding.tables:
        yield Heading(3, table.title.capitalize())
        yield Table(
            tuple(column.capitalize() for column in table.columns),
            tuple(tuple(map(Exact, row)) for row in table.rows),
        )


def _toned(row: FindingRow) -> Words:
    if row.health is None:
        return row.text
    return (Toned(row.text, HEALTH_TONES[row.health]), f" ({row.health})")


def _subjects(finding: Finding) -> Block:
    table = Table(
        (finding.noun.capitalize(), finding.measure.capitalize() or "Weight", "Condition", "Cause"),
        tuple(
            (
                Exact(s.name),
                "–" if s.weight is None else str(s.weight),
                (Toned(s.condition, HEALTH_TONES[s.health]), f" ({s.health})"),
                s.cause,
            )
            for s in finding.subjects
        ),
    )
    return folded_table(f"All {count_of(len(table.rows), finding.noun)}", table, beyond=MANY)


def _guards(plan: Plan, *, whole: bool) -> Iterator[Block]:
    passed = len(plan.guards) - len(plan.blocked)
    alone = [GuardRow(guard, (guard.subject,)) for guard in plan.guards]
    yield Heading(2, f"Guards: {passed} of {len(plan.guards)} pass")
    yield Table(
        ("Guard", "Of", "Outcome", "Title", "Got", "Expected"),
        tuple(
            (
                Exact(guard.id),
                subject_words(subjects),
                Toned(guard.outcome.upper(), TONES[guard.outcome]),
                guard.title,
                guard.got,
                guard.expected
                if guard.outcome is Outcome.PASS
                else (guard.expected, ". ", Toned("Next:", Tone.STRONG), f" {guard.next_step}"),
            )
            for guard, subjects in (alone if whole else guard_rows(plan))
        ),
    )


def _stage(stage: Stage, *, whole: bool) -> Iterator[Block]:
    gate = stage.gate
    together = ", at once" if len(stage.steps) > 1 else ""
    yield Heading(2, f"Stage {stage.number}: {stage.title}")
    yield Labelled(
        (
            ("Why", stage.why),
            *((impact.measure.capitalize(), impact_words(impact)) for impact in stage.impacts),
            ("Gate", f"{gate.title}, at most {gate.timeout_s} s"),
            ("Gate asks", part_words(gate.asks)),
            ("Steps", f"{count_of(len(stage.steps), 'step')}{together}"),
        )
    )
    for program in _programs(stage.steps, whole=whole):
        yield from step_blocks(program)
    yield from _taken_back(stage, whole=whole)


def _taken_back(stage: Stage, *, whole: bool) -> Iterator[Block]:
    """The steps that `remediate undo` carries out, and what each of them takes back."""
    if not stage.undo:
        return
    yield Heading(3, f"Taking stage {stage.number} back")
    yield Paragraph(
        "Approved with the plan, and carried out by `remediate undo` alone, where the effect is "
        "there:"
    )
    yield Bullets(
        tuple(
            (
                *exact_names(tuple(step.id for step in undo.steps)),
                " takes back ",
                *exact_names(undo.undoes),
            )
            for undo in stage.undo
        )
    )
    for program in _programs([s for undo in stage.undo for s in undo.steps], whole=whole):
        yield from step_blocks(program)


def impact_words(impact: Impact) -> str:
    """`60 → at worst 60 → 100 of 100 (100.0 %), at least 67 must remain`."""
    floor = f", at least {impact.floor} must remain" if impact.floor else ""
    return (
        f"{impact.before} → at worst {impact.worst} → {impact.after} of {impact.total} "
        f"({percent(impact.after, impact.total)}){floor}"
    )


def _programs(steps: Sequence[Step], *, whole: bool) -> tuple[SharedProgram[Step], ...]:
    if whole:
        return tuple(SharedProgram(step, ()) for step in steps)
    return group_by_program(steps)


def step_blocks(program: SharedProgram[Step]) -> Iterator[Block]:
    """A program with all that is signed with it, and the values of each target that shares it."""
    first = program.first
    text = Text(first.payload)
    yield Heading(
        3, ("Step ", Exact(first.id), " on ", Exact(first.target), ": ", Exact(first.operation))
    )
    yield Paragraph(
        (
            Exact(first.action),
            " by the driver ",
            Exact(first.driver),
            f": {text.size}, at most {first.timeout_s} s, {first.fidelity}. Undo: {first.undo}",
        )
    )
    yield Output(first.shown or READ_ITSELF)
    yield text
    asked = Exact(shlex.join(first.probe))
    yield Paragraph(("Where no result is left, this shows whether the effect is there: ", asked))
    if program.others:
        yield Paragraph(
            f"{count_of(len(program.others), 'more step')} with the same program, with:"
        )
        yield _others(program)


def _others(program: SharedProgram[Step]) -> Table:
    rows: tuple[tuple[Words, ...], ...] = tuple(
        (Exact(other.id), Exact(other.target), Exact(own)) for other, own in program.others
    )
    header: tuple[str, ...] = ("Step", "On", "Values in place of those above")
    if any(other.probe != program.first.probe for other, _ in program.others):
        header += ("What shows whether the effect is there",)
        rows = tuple(
            (*row, Exact(shlex.join(other.probe)))
            for row, (other, _) in zip(rows, program.others, strict=True)
        )
    return Table(header, rows)


def _facts(plan: Plan) -> Iterator[Block]:
    yield Heading(2, "Facts that decided")
    table = Table(
        ("Fact", "Value", "May move", "Why", "Source"),
        tuple(
            (
                Exact(f.name),
                Exact(f.value),
                f.rule.value,
                f.why,
                f"{f.source}, {format_instant(f.at)}",
            )
            for f in plan.facts
        ),
    )
    yield folded_table(f"All {len(table.rows)} facts", table, beyond=MANY * TOGETHER)
