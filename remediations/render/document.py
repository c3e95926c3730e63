"""A document before it is drawn: what is said, in which order, without any markup.

Terminal, Markdown and HTML are made from the same blocks, so a value is put into all three by
putting it here once. There is no way to say "this is markup already": every text is a value, and
the one who draws escapes it. Our own words need no escaping, so nothing is lost by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from remediations.render.printable import Exact
from remediations.render.words import count_of


class Tone(StrEnum):
    """How something is stressed; the name of the class in HTML."""

    GOOD = "good"
    BAD = "bad"
    DOUBT = "doubt"
    SOFT = "soft"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Toned:
    """A text with a stress. The text may be `Exact`."""

    text: str
    tone: Tone


Words: TypeAlias = str | Toned | tuple[str | Toned, ...]
"""What stands in a paragraph, a cell, or a title: prose, or `Exact` for what identifies or runs."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A title; level 1 is the document's own."""

    level: int
    words: Words


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences."""

    words: Words


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning."""

    words: Words


@dataclass(frozen=True, slots=True)
class Labelled:
    """Label and value, one below the other."""

    rows: tuple[tuple[str, Words], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal length under a header. Without rows nothing is shown but `empty`."""

    header: tuple[str, ...]
    rows: tuple[tuple[Words, ...], ...]
    empty: Words = "none"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list without order."""

    items: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """What runs, whole, row by row: two different texts never look the same."""

    text: str

    @property
    def size(self) -> str:
        """`11 lines of sh`."""
        return f"{count_of(len(self.text.split(chr(10))) - self.ends, 'line')} of sh"

    @property
    def ends(self) -> bool:
        """Whether the last row ends with a line break; one that does not is said to."""
        return self.text.endswith("\n") or not self.text


@dataclass(frozen=True, slots=True)
class Output:
    """What a program wrote, in several lines."""

    text: str


@dataclass(frozen=True, slots=True)
class Folded:
    """Blocks that a page may show on demand; paper and plain text show them."""

    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture for the page alone, as SVG in which every name was escaped."""

    title: str
    svg: str


Block: TypeAlias = (
    Heading | Paragraph | Notice | Labelled | Table | Bullets | CodeBlock | Output | Folded | Figure
)
Document: TypeAlias = tuple[Block, ...]

NO_LINE_BREAK = "(no line break at the end)"


def word_parts(words: Words) -> tuple[str | Toned, ...]:
    """The words as a sequence of parts."""
    return words if isinstance(words, tuple) else (words,)


def lower_headings(blocks: Document, by: int) -> Document:
    """The same with every title `by` levels deeper, to stand in another document."""
    return tuple(
        Heading(block.level + by, block.words) if isinstance(block, Heading) else block
        for block in blocks
    )


def folded_table(summary: str, table: Table, *, beyond: int) -> Block:
    """The table; one with more than `beyond` rows on demand."""
    return Folded(summary, (table,)) if len(table.rows) > beyond else table


def exact_names(given: tuple[str, ...]) -> tuple[str | Toned, ...]:
    """All of them, with commas between; a dash for none."""
    if not given:
        return ("–",)
    parts: list[str | Toned] = [Exact(given[0])]
    for name in given[1:]:
        parts += [", ", Exact(name)]
    return tuple(parts)
