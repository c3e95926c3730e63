"""Draws text for a terminal of a given width, with or without colour, into a string.

Every text is treated as a value: it is made printable before it is laid out, so nothing in it can
move the cursor, hide text, or widen a line.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.rule import Rule
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from remediations.render.printable import escape_controls, printable_line

GOOD, BAD, DOUBT, DIM, STRONG = "green", "bold red", "yellow", "dim", "bold"

Inline = str | Text
"""A value (a `str`, which is made printable here), or the result of `styled_text`."""

ROOM = 24
"""Columns that the folding column of a table needs; with fewer, rows are shown as lists."""


def draw(parts: Iterable[RenderableType], *, width: int, colour: bool) -> str:
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
        # The last line of defence, after our own colours have been separated from the text.
        drawing = [
            Segment(escape_controls(s.text), s.style, s.control) for s in console.render(part)
        ]
        console.print(Segments(drawing), crop=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def styled_text(*parts: Inline | tuple[str, str]) -> Text:
    """The parts joined on one line; a tuple is a text with its style."""
    text = Text(overflow="fold")
    for part in parts:
        if isinstance(part, Text):
            text.append_text(part)
        elif isinstance(part, tuple):
            text.append(printable_line(part[0]), style=part[1])
        else:
            text.append(printable_line(part))
    return text


def text_line(text: str, style: str = "") -> Text:
    """One wrapped line of text."""
    return Text(printable_line(text), style=style, overflow="fold")


def text_lines(*texts: Inline) -> Text:
    """The texts, one below the other."""
    return Text("\n", overflow="fold").join(_text(text) for text in texts)


def heading(text: Inline) -> RenderableType:
    """The title of a section with a rule to the right edge; a long title wraps and has no rule."""
    title = styled_text(text)
    title.stylize(STRONG)
    return _Heading(title)


def labelled_rows(rows: Sequence[tuple[Inline, Inline]]) -> RenderableType:
    """Rows of label and value. The labels are aligned; long values wrap inside their column."""
    labels = [label if isinstance(label, Text) else text_line(label, DIM) for label, _ in rows]
    return _Facts(list(zip(labels, (_text(value) for _, value in rows), strict=True)))


def columns(
    header: Sequence[str], rows: Iterable[Sequence[Inline]], *, folding: int = -1
) -> RenderableType:
    """A plain table without lines; the column `folding` (the last by default) wraps.

    If the others leave it no room, each row becomes a list of its cells: nothing is cut off.
    """
    names = [_text(name) for name in header]
    return _Columns(names, [[_text(cell) for cell in row] for row in rows], folding % len(names))


def indented(part: RenderableType, by: int = 2) -> RenderableType:
    """The part, indented."""
    return Padding(part, (0, 0, 0, by))


def _text(part: Inline) -> Text:
    return part if isinstance(part, Text) else text_line(part)


class _Heading:
    def __init__(self, title: Text) -> None:
        self._title = title

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        if self._title.cell_len + 2 > options.max_width:
            yield self._title
        else:
            yield Rule(self._title, align="left", style=DIM, characters="─")


class _Facts:
    """Draws a grid of two columns in a tenth of the time of rich's, since there may be thousands of
    rows. If the labels leave no room for the values, each value is on a line of its own."""

    GAP = 2
    LEAST = 8

    def __init__(self, rows: Sequence[tuple[Text, Text]]) -> None:
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = self.GAP + max((label.cell_len for label, _ in self._rows), default=0)
        if options.max_width - indent < self.LEAST:
            for part in self._rows:
                yield from part
            return
        for label, value in self._rows:
            margin = label
            for row in value.wrap(console, max(1, options.max_width - indent)) or [Text()]:
                yield from margin.render(console)
                yield Segment(" " * (indent - margin.cell_len))
                yield from row.render(console)
                yield Segment.line()
                margin = Text()


class _Columns:
    """A table. If it does not fit, long cells are listed below the short ones, with their names."""

    GAP = 2
    SHORT = 12

    def __init__(
        self, header: Sequence[Text], rows: Sequence[Sequence[Text]], folding: int
    ) -> None:
        self._header, self._rows, self._folding = header, rows, folding
        self._widths = [
            max(name.cell_len, *(row[number].cell_len for row in rows)) if rows else name.cell_len
            for number, name in enumerate(header)
        ]

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        numbers = range(len(self._header))
        short = [n for n in numbers if self._widths[n] <= self.SHORT]
        if self._fits([n for n in numbers if n != self._folding], options.max_width):
            yield self._table()
        elif 0 in short and self._fits(short, options.max_width):
            yield self._stacked(short)
        else:
            for first, *others in self._rows:
                yield first
                yield indented(self._named(list(enumerate(others, 1))))

    def _fits(self, numbers: Sequence[int], width: int) -> bool:
        return sum(self._widths[n] + self.GAP for n in numbers) + ROOM <= width

    def _table(self) -> Table:
        table = self._empty_table()
        for number, name in enumerate(self._header):
            folds = number == self._folding
            table.add_column(name, overflow="fold", no_wrap=not folds, ratio=1 if folds else None)
        for row in self._rows:
            table.add_row(*row)
        return table

    def _stacked(self, short: Sequence[int]) -> Table:
        table = self._empty_table()
        for number in short:
            table.add_column(self._header[number], no_wrap=True)
        table.add_column(ratio=1)
        for row in self._rows:
            below = [(n, cell) for n, cell in enumerate(row) if n not in short]
            table.add_row(*(row[n] for n in short), self._named(below))
        return table

    def _empty_table(self) -> Table:
        return Table(box=None, padding=(0, self.GAP, 0, 0), header_style=DIM, pad_edge=False)

    def _named(self, cells: Sequence[tuple[int, Text]]) -> RenderableType:
        return labelled_rows([(self._header[number], cell) for number, cell in cells if cell.plain])
