"""How the lines of `remediate doctor` are shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import RenderableType
from rich.table import Table

from remediations.engine.doctor.line import INVENTORY, MACHINE, Line, State
from remediations.render.console import BAD, DIM, DOUBT, GOOD, drawn, heading, line, lines, sentence
from remediations.render.words import count, some

GENERAL = (MACHINE, INVENTORY)

MANY = 8
"""With more hosts than this, what is well is counted and not shown, unless asked for."""

TOPIC_WIDTH = 15

STYLES = {State.OK: GOOD, State.WARN: DOUBT, State.LACK: BAD}


def doctor_text(
    lines: Sequence[Line], *, width: int, colour: bool, verbose: bool, domains: Sequence[str] = ()
) -> str:
    """The lines by subject; what mends stands below what is wrong. What is not about a host or one
    of the `domains` is about this machine or the inventory."""
    general = (*GENERAL, *domains)
    subjects = [(name, list(group)) for name, group in groupby(lines, key=lambda one: one.subject)]
    hosts = [(name, group) for name, group in subjects if name not in general]
    whole = verbose or len(hosts) <= MANY
    well = [] if whole else [name for name, group in hosts if not _not_well(group)]
    parts: list[RenderableType] = []
    for name, group in subjects:
        if name not in well:
            shown = group if whole or name in general else _not_well(group)
            parts += [heading(name), _rows(shown), line("")]
    if well:
        told = f"{count(len(well), 'host')} where all is well: {some(well)} (--verbose shows it)"
        parts += [line(told, GOOD), line("")]
    parts.append(line(summary(lines), BAD if lacks(lines) else GOOD))
    return drawn(parts, width=width, colour=colour)


def _not_well(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.state is not State.OK]


def _rows(shown: Sequence[Line]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, min_width=max(map(len, State)))
    table.add_column(overflow="fold", min_width=TOPIC_WIDTH, max_width=TOPIC_WIDTH)
    table.add_column(overflow="fold")
    for found in shown:
        told = sentence(found.found)
        if found.mend:
            told = lines(told, sentence((f"→ {found.mend}", DIM)))
        table.add_row(sentence((found.state, STYLES[found.state])), sentence(found.topic), told)
    return table


def lacks(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines that stand in the way of a rescue, in the order in which they are to be mended."""
    missing = (line for line in lines if line.state is State.LACK)
    return tuple(sorted(missing, key=lambda line: line.urgency))


def summary(lines: Sequence[Line]) -> str:
    """How many there are of each, and what lacks by name: its lines may have scrolled away."""
    good, doubtful, _ = (sum(line.state is state for line in lines) for state in State)
    missing = [f"{line.subject} {line.topic}" for line in lacks(lines)]
    named = f"{len(missing)} lacking{': ' if missing else ''}{some(missing)}"
    return f"{count(good, 'thing')} in order, {count(doubtful, 'warning')}, {named}"
