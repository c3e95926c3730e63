"""Renders a Plan for a terminal: two screens of 80 columns for four targets.

What many hosts have in common is shown once. With `verbose` it is the whole document: every field,
every guard, and every program for every host.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import takewhile

from rich.console import RenderableType
from rich.text import Text as RichText

from remediations.engine.plan.applicable import why_not
from remediations.engine.plan.document import impact_words, input_words, plan_document
from remediations.engine.plan.grouping import (
    TOGETHER,
    SharedProgram,
    assignments_text,
    group_by_program,
    group_guards,
    own_values_text,
    shared_values,
    stages_alike,
)
from remediations.engine.plan.plan import GuardResult, Outcome, Plan, Stage, Step
from remediations.render.console import (
    BAD,
    DIM,
    DOUBT,
    STRONG,
    columns,
    draw,
    heading,
    indented,
    labelled_rows,
    styled_text,
    text_line,
    text_lines,
)
from remediations.render.document import CodeBlock as Text
from remediations.render.formats import count_of, format_age, format_moment, name_some
from remediations.render.printable import Exact
from remediations.render.terminal import document_text
from remediations.values.login import Login

MARK = {Outcome.BLOCK: ("BLOCK", BAD), Outcome.UNKNOWN: ("UNKNOWN", DOUBT)}


def plan_text(
    plan: Plan,
    digest: str,
    *,
    width: int,
    colour: bool,
    verbose: bool = False,
    now: datetime | None = None,
    change: str = "",
    applied: datetime | None = None,
) -> str:
    """The plan as text. Passing guards are only counted, unless `verbose`; others are shown whole.
    `now` says how old it is; `change` is its change digest; `applied` is when its run was begun. A
    plan that cannot be applied says so first."""
    cannot = why_not(plan, now, applied)
    if verbose:
        whole = plan_document(plan, digest, whole=True, change=change, cannot=cannot)
        return document_text(whole, width=width, colour=colour)
    parts: list[RenderableType] = [
        *([text_line(f"CANNOT BE APPLIED: {cannot}", BAD)] if cannot else []),
        text_line(plan.title, STRONG),
        labelled_rows(
            [
                (
                    "playbook",
                    styled_text(
                        Exact(plan.playbook), " / ", Exact(plan.branch), f", risk {plan.risk}"
                    ),
                ),
                *([("chosen", styled_text(*input_words(plan.inputs)))] if plan.inputs else []),
                ("acts on", styled_text(*_listed(plan.resources), f": {plan.finding.verdict}")),
                *((row.title, row.text) for row in plan.finding.rows if row.health is not None),
                ("worst case", plan.worst_case),
                (
                    "observed",
                    f"{format_moment(plan.observed_at)}"
                    + (f", {format_age(plan.observed_at, now)}" if now else "")
                    + f", expires {format_moment(plan.expires_at)}",
                ),
                *_reached(plan),
                ("digest", Exact(digest)),
                *([("change", Exact(change))] if change else []),
            ]
        ),
        *(text_line(f"warning: {text}", DOUBT) for text in plan.warnings),
        *_guards(plan),
        *_stages(plan.stages),
        heading("checks afterwards"),
        text_line(", ".join(f"{check.id} {check.title}" for check in plan.checks)),
    ]
    return draw(parts, width=width, colour=colour)


def plan_screen(plan: Plan, digest: str, *, width: int, colour: bool) -> str:
    """The whole plan, as an approver reads it before signing: every field, and every program that
    will run as root. What many hosts share is shown once."""
    return document_text(plan_document(plan, digest), width=width, colour=colour)


def _reached(plan: Plan) -> list[tuple[str, RichText]]:
    """Where the names of those hosts lead on which something runs."""
    targets = frozenset(plan.targets)
    acting = [login for login in plan.logins if login.host in targets]
    rows = [
        ("" if number else "reaches", styled_text(Exact(login.host), ": ", *_way(login)))
        for number, login in enumerate(acting[:TOGETHER])
    ]
    more = len(acting) - len(rows)
    if more:
        rows.append(("", styled_text(f"and {count_of(more, 'more host')}, each with --verbose")))
    return rows


def _way(login: Login) -> list[str]:
    """The machines in order, each exact; the arrows are ours."""
    if not login.hops:
        return [f"unknown: {login.trouble}"]
    first, *others = (Exact(str(hop)) for hop in login.hops)
    return [first, *(part for hop in others for part in (" → ", hop))]


def _guards(plan: Plan) -> list[RenderableType]:
    passed = [guard for guard in plan.guards if guard.outcome is Outcome.PASS]
    troubled = {guard.id for guard in plan.blocked}
    ids = list(dict.fromkeys(guard.id for guard in passed if guard.id not in troubled))
    return [
        heading(f"guards: {len(passed)} of {len(plan.guards)} pass"),
        *(
            part
            for group in group_guards(plan)
            if group[0].outcome is not Outcome.PASS
            for part in _blocked(group)
        ),
        text_line(f"pass: {' '.join(ids)} (each one with --verbose)", DIM),
    ]


def _blocked(group: Sequence[GuardResult]) -> list[RenderableType]:
    first = group[0]

    def said(of: Callable[[GuardResult], str]) -> str:
        alone = len({of(guard) for guard in group}) == 1
        return of(first) if alone else f"{of(first)} ({first.subject}; each one with --verbose)"

    rows = [
        ("got", said(lambda guard: guard.got)),
        ("expected", said(lambda guard: guard.expected)),
        ("next", said(lambda guard: guard.next_step)),
    ]
    where = f" {first.subject}" if first.subject else ""
    if len(group) > 1:
        where = f" {count_of(len(group), 'host')}"
        rows.insert(0, ("hosts", ", ".join(guard.subject for guard in group)))
    return [
        styled_text(MARK[first.outcome], f" {first.id}{where}: {first.title}"),
        indented(labelled_rows(rows)),
    ]


def _stages(stages: Sequence[Stage]) -> list[RenderableType]:
    """All stages. Of a long sequence of alike stages the first is shown, and a line for each
    other."""
    parts: list[RenderableType] = []
    left = list(stages)
    while left:
        first = left[0]
        row = list(takewhile(partial(stages_alike, first), left))
        if len(row) < TOGETHER:
            row = [first]
        left = left[len(row) :]
        parts += _stage(first)
        if len(row) > 1:
            parts += _likewise(first, row[1:])
    return parts


def _likewise(first: Stage, others: Sequence[Stage]) -> list[RenderableType]:
    common = shared_values([step for stage in (first, *others) for step in stage.steps])
    measures = [impact.measure for impact in first.impacts]
    rows = [
        (
            str(stage.number),
            *(f"{i.before} → {i.worst} → {i.after}" for i in stage.impacts),
            Exact(
                "; ".join(f"{s.target} {own_values_text(s, common)}".rstrip() for s in stage.steps)
            ),
        )
        for stage in others
    ]
    return [
        heading(f"stages {others[0].number} to {others[-1].number}: the same, one after another"),
        columns(("stage", *measures, "on"), rows),
    ]


def _stage(stage: Stage) -> list[RenderableType]:
    together = ", at once" if len(stage.steps) > 1 else ""
    return [
        heading(f"stage {stage.number}: {stage.title}"),
        labelled_rows(
            [
                ("why", stage.why),
                *((impact.measure, impact_words(impact)) for impact in stage.impacts),
                ("gate", f"{stage.gate.title} (at most {stage.gate.timeout_s} s)"),
                ("steps", f"{len(stage.steps)}{together}"),
            ]
        ),
        *(part for program in group_by_program(stage.steps) for part in _program(program)),
        *_taken_back(stage),
    ]


def _taken_back(stage: Stage) -> list[RenderableType]:
    """What `remediate undo` does, on one line."""
    targets: dict[str, list[str]] = {}
    for step in (step for undo in stage.undo for step in undo.steps):
        targets.setdefault(step.operation, []).append(step.target)
    done = [f"{operation} on {name_some(hosts)}" for operation, hosts in targets.items()]
    if not done:
        return []
    return [text_line(f"taken back by `remediate undo`: {'; '.join(done)} (with --verbose)", DIM)]


def _program(program: SharedProgram[Step]) -> list[RenderableType]:
    """What its targets share, then the own values of each."""
    first = program.first
    if not program.others:
        given = assignments_text(shared_values([first])) or first.payload.partition("\n")[0]
        return [
            styled_text(("on ", DIM), (Exact(first.target), STRONG), ": ", Exact(first.operation)),
            indented(text_lines(Exact(given), _size(first))),
        ]
    group = [first, *(step for step, _ in program.others)]
    common = shared_values(group)
    return [
        styled_text(
            ("on ", DIM),
            (count_of(len(group), "target"), STRONG),
            ": ",
            Exact(first.operation),
            ", all with",
        ),
        indented(text_lines(Exact(assignments_text(common)), _size(first))),
        indented(
            columns(
                ("target", "and"),
                [(Exact(s.target), Exact(own_values_text(s, common))) for s in group],
            )
        ),
    ]


def _size(step: Step) -> str:
    """The size and time limit of the program, how it is undone, and what is asked if it leaves no
    result."""
    return (
        f"({Text(step.payload).size}, at most {step.timeout_s} s; undo: {step.undo}; without a "
        f"result asks {shlex.join(step.probe)}; whole with --verbose)"
    )


def _listed(texts: Sequence[str]) -> list[str]:
    """The texts, each exact, separated by commas."""
    first, *others = map(Exact, texts)
    return [first, *(part for other in others for part in (", ", other))]
