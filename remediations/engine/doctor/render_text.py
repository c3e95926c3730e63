"""Renders the lines of `remediate doctor` for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import RenderableType
from rich.table import Table

from remediations.engine.doctor.line import INVENTORY, MACHINE, DoctorLine, LineState
from remediations.render.console import (
    BAD,
    DIM,
    DOUBT,
    GOOD,
    draw,
    heading,
    styled_text,
    text_line,
    text_lines,
)
from remediations.render.formats import count_of, name_some

GENERAL = (MACHINE, INVENTORY)

MANY = 8
"""With more hosts than this, those in good order are only counted, unless `--verbose` is given."""

TOPIC_WIDTH = 15

STYLES = {LineState.OK: GOOD, LineState.WARN: DOUBT, LineState.LACK: BAD}


def doctor_text(
    lines: Sequence[DoctorLine],
    *,
    width: int,
    colour: bool,
    verbose: bool,
    domains: Sequence[str] = (),
) -> str:
    """The lines, grouped by subject, each with the fix below. All subjects are hosts, except this
    machine, the inventory and the `domains`."""
    general = (*GENERAL, *domains)
    subjects = [(name, list(group)) for name, group in groupby(lines, key=lambda one: one.subject)]
    hosts = [(name, group) for name, group in subjects if name not in general]
    whole = verbose or len(hosts) <= MANY
    well = [] if whole else [name for name, group in hosts if not _not_well(group)]
    parts: list[RenderableType] = []
    for name, group in subjects:
        if name not in well:
            shown = group if whole or name in general else _not_well(group)
            parts += [heading(name), _rows(shown), text_line("")]
    if well:
        hosts_well = count_of(len(well), "host")
        told = f"{hosts_well} where all is well: {name_some(well)} (--verbose shows it)"
        parts += [text_line(told, GOOD), text_line("")]
    parts.append(text_line(doctor_summary(lines), BAD if missing_lines(lines) else GOOD))
    return draw(parts, width=width, colour=colour)


def _not_well(lines: Sequence[DoctorLine]) -> list[DoctorLine]:
    return [line for line in lines if line.state is not LineState.OK]


def _rows(shown: Sequence[DoctorLine]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, min_width=max(map(len, LineState)))
    table.add_column(overflow="fold", min_width=TOPIC_WIDTH, max_width=TOPIC_WIDTH)
    table.add_column(overflow="fold")
    for found in shown:
        told = styled_text(found.found)
        if found.mend:
            told = text_lines(told, styled_text((f"→ {found.mend}", DIM)))
        table.add_row(
            styled_text((found.state, STYLES[found.state])), styled_text(found.topic), told
        )
    return table


def missing_lines(lines: Sequence[DoctorLine]) -> tuple[DoctorLine, ...]:
    """The lines that prevent a rescue, in the order in which they should be fixed."""
    missing = (line for line in lines if line.state is LineState.LACK)
    return tuple(sorted(missing, key=lambda line: line.urgency))


def doctor_summary(lines: Sequence[DoctorLine]) -> str:
    """The number of lines in each state, and the missing things by name: their lines may have
    scrolled off the screen."""
    good, doubtful, _ = (sum(line.state is state for line in lines) for state in LineState)
    missing = [f"{line.subject} {line.topic}" for line in missing_lines(lines)]
    named = f"{len(missing)} lacking{': ' if missing else ''}{name_some(missing)}"
    return f"{count_of(good, 'thing')} in order, {count_of(doubtful, 'warning')}, {named}"
