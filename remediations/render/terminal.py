"""Renders blocks for a terminal: all that HTML and Markdown have, within the width."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from remediations.render import console
from remediations.render.document import (
    NO_LINE_BREAK,
    Block,
    Bullets,
    CodeBlock,
    Document,
    Figure,
    Folded,
    Heading,
    Labelled,
    Notice,
    Output,
    Paragraph,
    Table,
    Tone,
    Toned,
    Words,
    word_parts,
)
from remediations.render.printable import printable, program_lines

STYLES = {
    Tone.GOOD: console.GOOD,
    Tone.BAD: console.BAD,
    Tone.DOUBT: console.DOUBT,
    Tone.SOFT: console.DIM,
    Tone.STRONG: console.STRONG,
}
GOES_ON = "↳"
"""Shown in place of the number before the continuation of a line that was too long."""


def document_text(document: Document, *, width: int, colour: bool) -> str:
    """The whole document as text."""
    parts = (part for block in document for part in terminal_parts(block))
    return console.draw(parts, width=width, colour=colour)


def terminal_parts(block: Block) -> Iterator[RenderableType]:
    """The parts that are drawn for one block."""
    match block:
        case Heading(level=2):
            yield console.heading(_words(block.words))
        case Heading():
            title = _words(block.words)
            title.stylize(console.STRONG)
            yield title
        case Paragraph():
            yield _words(block.words)
        case Notice():
            notice = console.styled_text("warning: ", _words(block.words))
            notice.stylize(console.DOUBT)
            yield notice
        case Labelled():
            yield console.labelled_rows(
                [(label.lower(), _words(value)) for label, value in block.rows]
            )
        case Table():
            if block.rows:
                header = [name.lower() for name in block.header]
                yield console.columns(header, [[_words(c) for c in row] for row in block.rows])
            else:
                yield _words(block.empty)
        case Bullets():
            for item in block.items:
                yield console.labelled_rows([("-", _words(item))])
        case CodeBlock():
            yield console.indented(_Program(block))
        case Output():
            text = printable(block.text.expandtabs()).rstrip("\n")
            yield console.indented(Text(text, overflow="fold"))
        case Folded():
            yield console.text_line(f"{block.summary}:")
            for inner in block.blocks:
                yield from terminal_parts(inner)
        case Figure():
            return
        case _:
            assert_never(block)


def _words(words: Words) -> Text:
    return console.styled_text(
        *(
            (part.text, STYLES[part.tone]) if isinstance(part, Toned) else part
            for part in word_parts(words)
        )
    )


class _Program:
    """Numbered lines. They are folded here: wrapping at words would drop blanks, and a continuation
    could be taken for the next line."""

    def __init__(self, program: CodeBlock) -> None:
        self._program = program

    def __rich_console__(self, drawer: Console, options: ConsoleOptions) -> RenderResult:
        # Segments, not texts: there may be a hundred thousand lines, and no layout is needed.
        dim = drawer.get_style(console.DIM)
        rows = program_lines(self._program.text)
        gutter = len(str(len(rows)))
        for number, row in enumerate(rows, 1):
            mark = str(number)
            for piece in _pieces(row, options.max_width - gutter - 2):
                yield Segment(f"{mark:>{gutter}}  ", dim)
                yield Segment(piece)
                yield Segment.line()
                mark = GOES_ON
        if not self._program.ends:
            yield Text(f"{'':>{gutter}}  {NO_LINE_BREAK}", style=console.DIM, overflow="fold")


def _pieces(row: str, room: int) -> Iterator[str]:
    """The line in pieces of at most `room` characters (it is ASCII). No piece ends with a blank,
    which would be invisible, unless it consists of blanks."""
    at = 0
    while len(row) - at > room:
        piece = row[at : at + room]
        piece = piece.rstrip(" ") or piece
        yield piece
        at += len(piece)
    yield row[at:]
