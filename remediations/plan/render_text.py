"""A Plan for a terminal: two screens at 80 columns for four validators.

What many hosts have in common is said once; `verbose` shows every one whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import takewhile

from rich.console import RenderableType
from rich.text import Text

from remediations.model.quorum import percent
from remediations.plan.essence import TOGETHER, alike, as_text, own, same_guards, shared, size
from remediations.plan.plan import Command, GuardResult, Outcome, Plan, PowerEffect, Stage
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
    parts += _stages(plan.stages, verbose=verbose)
    parts += [
        heading("checks afterwards"),
        line(", ".join(f"{check.id} {check.title}" for check in plan.checks)),
    ]
    return drawn(parts, width=width, colour=colour)


def _guards(plan: Plan, *, verbose: bool) -> list[RenderableType]:
    passed = [guard for guard in plan.guards if guard.outcome is Outcome.PASS]
    parts: list[RenderableType] = [
        heading(f"guards: {len(passed)} of {len(plan.guards)} pass"),
        *(part for group in _troubles(plan, verbose=verbose) for part in _blocked(group)),
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
        troubled = {guard.id for guard in plan.blocked}
        ids = list(dict.fromkeys(guard.id for guard in passed if guard.id not in troubled))
        parts.append(line(f"pass: {' '.join(ids)} (each one with --verbose)", DIM))
    return parts


def _troubles(plan: Plan, *, verbose: bool) -> list[list[GuardResult]]:
    """The guards that do not pass; many hosts with the same trouble together unless `verbose`."""
    if verbose:
        return [[guard] for guard in plan.blocked]
    return [group for group in same_guards(plan) if group[0].outcome is not Outcome.PASS]


def _blocked(group: Sequence[GuardResult]) -> list[RenderableType]:
    first = group[0]
    mark, style = MARK[first.outcome]
    rows = [("got", first.got), ("expected", first.expected), ("next", first.next_step)]
    where = f" {first.host}" if first.host else ""
    if len(group) > 1:
        where = f" {count(len(group), 'host')}"
        rows.insert(0, ("hosts", ", ".join(guard.host for guard in group)))
        if len({(guard.got, guard.next_step) for guard in group}) > 1:
            rows[1] = ("got", f"{first.got} ({first.host}; each one with --verbose)")
    return [
        Text.assemble((mark, style), f" {first.id}{where}: {first.title}"),
        indented(facts(rows)),
    ]


def _stages(stages: Sequence[Stage], *, verbose: bool) -> list[RenderableType]:
    """Every stage; a long row of like ones is shown by its first, and a line for each other."""
    parts: list[RenderableType] = []
    left = list(stages)
    while left:
        first = left[0]
        row = list(takewhile(partial(alike, first), left))
        if verbose or len(row) < TOGETHER:
            row = [first]
        left = left[len(row) :]
        parts += _stage(first, verbose=verbose)
        if len(row) > 1:
            parts += _likewise(first, row[1:])
    return parts


def _likewise(first: Stage, others: Sequence[Stage]) -> list[RenderableType]:
    common = shared([c for stage in (first, *others) for c in stage.commands])
    rows = [
        (
            str(stage.number),
            _power(stage.power),
            "; ".join(f"{c.host} {own(c, common)}".rstrip() for c in stage.commands),
        )
        for stage in others
    ]
    return [
        heading(f"stages {others[0].number} to {others[-1].number}: the same, one after another"),
        columns(("stage", "power", "on"), rows),
    ]


def _power(power: PowerEffect) -> str:
    return f"{power.before} → {power.worst} → {power.after}"


def _stage(stage: Stage, *, verbose: bool) -> list[RenderableType]:
    power = stage.power
    effect = (
        f"{power.before} → at worst {power.worst} → {power.after} of {power.total} "
        f"({percent(power.after, power.total)})"
    )
    hosts = count(len(stage.commands), "host")
    together = ", at once" if len(stage.commands) > 1 else ""
    parts: list[RenderableType] = [
        heading(f"stage {stage.number}: {stage.title}"),
        facts(
            [
                ("why", stage.why),
                ("power", effect),
                ("gate", f"{stage.gate.title} (at most {stage.gate.timeout_s} s)"),
                ("runs on", f"{hosts}{together}, as root in a transient unit"),
            ]
        ),
    ]
    if verbose or len(stage.commands) < TOGETHER:
        for command in stage.commands:
            parts += [
                Text.assemble(("on ", DIM), (command.host, STRONG), f": {command.operation}"),
                indented(line(command.text if verbose else essence(command))),
            ]
    else:
        parts += _commands(stage)
    return parts


def _commands(stage: Stage) -> list[RenderableType]:
    """Many commands: what they share by operation, then what each host has for itself."""
    parts: list[RenderableType] = []
    for operation in dict.fromkeys(command.operation for command in stage.commands):
        group = [command for command in stage.commands if command.operation == operation]
        common = shared(group)
        parts += [
            Text.assemble(
                ("on ", DIM), (count(len(group), "host"), STRONG), f": {operation}, all with"
            ),
            indented(line(f"{as_text(common)}\n({size(group[0])}; whole with --verbose)")),
            indented(columns(("host", "and"), [(c.host, own(c, common)) for c in group])),
        ]
    return parts


def essence(command: Command) -> str:
    """The values that the program is given, and how long it is."""
    shown = as_text(shared([command])) or command.text.partition("\n")[0]
    return f"{shown}\n({size(command)}; whole with --verbose)"
