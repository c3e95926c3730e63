"""One way to draw for a terminal of a given width, with or without colour, into a string."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from remediations.render.printable import printable

GOOD, BAD, DOUBT, DIM, STRONG = "green", "bold red", "yellow", "dim", "bold"


def drawn(parts: Iterable[RenderableType], *, width: int, colour: bool) -> str:
    """The parts, one below the other, without trailing blanks."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for part in parts:
        # What steers a terminal is taken out of the text here, where our own colours are apart.
        drawing = [Segment(printable(s.text), s.style, s.control) for s in console.render(part)]
        console.print(Segments(drawing), crop=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def heading(text: str) -> RenderableType:
    """A section's title with a rule to the right edge."""
    return Rule(Text(text, style=STRONG), align="left", style=DIM, characters="─")


def facts(rows: Sequence[tuple[str, RenderableType | str]]) -> RenderableType:
    """Label and value, the labels aligned, long values wrapped below themselves."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style=DIM, no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(label, value)
    return table


def columns(
    header: Sequence[str], rows: Iterable[Sequence[RenderableType | str]], *, folding: int = -1
) -> RenderableType:
    """A plain table without lines; the column `folding` (the last by default) wraps."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=DIM, pad_edge=False)
    last = folding % len(header)
    for number, name in enumerate(header):
        table.add_column(
            name, overflow="fold", no_wrap=number != last, ratio=1 if number == last else None
        )
    for row in rows:
        table.add_row(*row)
    return table


def indented(part: RenderableType | str, by: int = 2) -> RenderableType:
    """The part moved to the right."""
    return Padding(part, (0, 0, 0, by))


def line(text: str, style: str = "") -> Text:
    """One wrapped line of text."""
    return Text(text, style=style, overflow="fold")
