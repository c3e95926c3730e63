"""A Plan for a terminal: two screens at 80 columns for four validators."""

from __future__ import annotations

import re
from itertools import takewhile

from rich.console import RenderableType
from rich.text import Text

from remediations.model.quorum import percent
from remediations.plan.plan import Command, GuardResult, Outcome, Plan, Stage
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
    indented,
    line,
)
from remediations.render.words import count, moment

MARK = {
    Outcome.PASS: ("pass", GOOD),
    Outcome.BLOCK: ("BLOCK", BAD),
    Outcome.UNKNOWN: ("UNKNOWN", DOUBT),
}

ASSIGNMENT = re.compile(r"[a-z_]+=")


def plan_text(plan: Plan, digest: str, *, width: int, colour: bool, verbose: bool = False) -> str:
    """The plan as text. Passing guards are counted unless `verbose`; the others are shown whole."""
    parts: list[RenderableType] = [
        Text.assemble((plan.title, STRONG)),
        facts(
            [
                ("playbook", f"{plan.playbook} / {plan.branch}, risk {plan.risk}"),
                (
                    "chain",
                    f"{plan.chain_id}: {plan.finding.chain} at height {plan.finding.height}, "
                    f"{plan.finding.online_power} of {plan.finding.total_power} power votes",
                ),
                ("worst case", plan.worst_case),
                ("observed", f"{moment(plan.observed_at)}, expires {moment(plan.expires_at)}"),
                ("digest", digest),
            ]
        ),
        *(line(f"warning: {text}", DOUBT) for text in plan.warnings),
    ]
    parts += _guards(plan, verbose=verbose)
    for stage in plan.stages:
        parts += _stage(stage, verbose=verbose)
    parts += [
        heading("checks afterwards"),
        line(", ".join(f"{check.id} {check.title}" for check in plan.checks)),
    ]
    return drawn(parts, width=width, colour=colour)


def _guards(plan: Plan, *, verbose: bool) -> list[RenderableType]:
    passed = [guard for guard in plan.guards if guard.outcome is Outcome.PASS]
    parts: list[RenderableType] = [
        heading(f"guards: {len(passed)} of {len(plan.guards)} pass"),
        *(part for guard in plan.blocked for part in _blocked(guard)),
    ]
    if verbose:
        parts.append(
            columns(
                ("guard", "host", "", "got"),
                [
                    (g.id, g.host or "all", Text("pass", style=GOOD), f"{g.title}: {g.got}")
                    for g in passed
                ],
            )
        )
    else:
        ids = list(dict.fromkeys(guard.id for guard in passed))
        parts.append(line(f"pass: {' '.join(ids)} (each one with --verbose)", DIM))
    return parts


def _blocked(guard: GuardResult) -> list[RenderableType]:
    mark, style = MARK[guard.outcome]
    where = f" {guard.host}" if guard.host else ""
    return [
        Text.assemble((mark, style), f" {guard.id}{where}: {guard.title}"),
        indented(
            facts([("got", guard.got), ("expected", guard.expected), ("next", guard.next_step)])
        ),
    ]


def _stage(stage: Stage, *, verbose: bool) -> list[RenderableType]:
    power = stage.power
    effect = (
        f"{power.before} → at worst {power.worst} → {power.after} of {power.total} "
        f"({percent(power.after, power.total)})"
    )
    parts: list[RenderableType] = [
        heading(f"stage {stage.number}: {stage.title}"),
        facts(
            [
                ("why", stage.why),
                ("power", effect),
                ("gate", f"{stage.gate.title} (at most {stage.gate.timeout_s} s)"),
                (
                    "runs on",
                    f"{count(len(stage.commands), 'host')}, at once, as root in a transient unit",
                ),
            ]
        ),
    ]
    for command in stage.commands:
        parts.append(
            Text.assemble(("on ", DIM), (command.host, STRONG), (f": {command.operation}", ""))
        )
        parts.append(indented(line(command.text if verbose else essence(command))))
    return parts


def essence(command: Command) -> str:
    """The values that the program is given, and how long it is: its text is the same everywhere.

    A deploy's text begins with its quoted values, one assignment a line (see
    `remediations.operations`).
    """
    rows = command.text.splitlines()
    values = list(takewhile(ASSIGNMENT.match, rows[1:]))
    shown = " ".join(values) if values else rows[0]
    return f"{shown}\n({len(rows)} lines of sh, whole with --verbose; undo: {command.undo})"
