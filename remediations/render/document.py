"""A document before it is drawn: its content in order, without any markup.

Terminal text, Markdown and HTML are made from the same blocks, so a value is added to all three
here, once. There is no way to pass markup: every text is a value, which the renderer escapes. Our
own words contain nothing to escape, so nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from remediations.render.formats import count_of
from remediations.render.printable import Exact


class Tone(StrEnum):
    """The emphasis of a text; also the name of its class in HTML."""

    GOOD = "good"
    BAD = "bad"
    DOUBT = "doubt"
    SOFT = "soft"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Toned:
    """A text with an emphasis. The text may be `Exact`."""

    text: str
    tone: Tone


Words: TypeAlias = str | Toned | tuple[str | Toned, ...]
"""The content of a paragraph, cell or title: prose, or `Exact` for text that identifies or runs."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A title; level 1 is that of the document."""

    level: int
    words: Words


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of prose."""

    words: Words


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning."""

    words: Words


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows of label and value."""

    rows: tuple[tuple[str, Words], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal length under a header. Without rows, only `empty` is shown."""

    header: tuple[str, ...]
    rows: tuple[tuple[Words, ...], ...]
    empty: Words = "none"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A bulleted list."""

    items: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """The complete text of a program, line by line: two different texts never look the same."""

    text: str

    @property
    def size(self) -> str:
        """`11 lines`."""
        return count_of(len(self.text.split(chr(10))) - self.ends, "line")

    @property
    def ends(self) -> bool:
        """Whether the last line ends with a line break; if not, that is shown."""
        return self.text.endswith("\n") or not self.text


@dataclass(frozen=True, slots=True)
class Output:
    """The output of a program, which may have several lines."""

    text: str


@dataclass(frozen=True, slots=True)
class Folded:
    """Blocks that a page folds; paper and plain text show them."""

    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """An image for HTML only: SVG in which every name has been escaped."""

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
    """The same document with every heading `by` levels deeper, to be included in another one."""
    return tuple(
        Heading(block.level + by, block.words) if isinstance(block, Heading) else block
        for block in blocks
    )


def folded_table(summary: str, table: Table, *, beyond: int) -> Block:
    """The table, folded if it has more than `beyond` rows."""
    return Folded(summary, (table,)) if len(table.rows) > beyond else table


def exact_names(given: tuple[str, ...]) -> tuple[str | Toned, ...]:
    """The names, separated by commas; a dash for none."""
    if not given:
        return ("–",)
    parts: list[str | Toned] = [Exact(given[0])]
    for name in given[1:]:
        parts += [", ", Exact(name)]
    return tuple(parts)
