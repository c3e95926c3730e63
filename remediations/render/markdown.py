r"""Renders blocks as Markdown for tickets and reviews, in which every value is plain text.

What CommonMark and GFM can escape is escaped, sparingly: `val-1.example.org` is left as it is. What
cannot be escaped, because it is recognized in the rendered text (mentions, references, hashes,
addresses, emoji), is put into a code span, where it is not: GFM, "Autolinks (extension)", and
GitHub's documentation of autolinked references. No value spans lines, so a value can begin a block
only at the start of its own.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import assert_never

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
from remediations.render.printable import Exact, ascii_line, one_line, printable, program_lines

_STRESSED = frozenset({Tone.BAD, Tone.DOUBT, Tone.STRONG})

_LIVE = re.compile(
    r"@|\$|://|www\.|(?:mailto|xmpp):"  # mentions and mail, math, addresses
    r"|(?<!\w)[#!&~%]\d|\w#\d|\bGH-\d"  # issues and the like
    r"|\b[0-9a-f]{7,}\b"  # commits
    r"|:(?!\d\d:)[\w+-]+:",  # emoji, but not the minutes of a time
    re.IGNORECASE,
)
_QUOTED = re.compile(r"`([^`]+)`")
_BEFORE, _BEHIND = "([\"'<", ")]\"'>.,;:!?"
"""Punctuation around a word that is left outside of its code span."""
_ACTIVE = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|$)|&(?=[#\w]|$)|[<`*\[\]~#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
)
"""Characters that inline parsing acts on. An underscore inside a word is a plain character."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", "`": "&#96;"}
"""Used in place of a backslash, for lax parsers that know no other escape or count backticks."""
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def markdown(blocks: Document) -> str:
    """The whole document, ending with a line feed."""
    return "\n\n".join(_block(block) for block in blocks if not isinstance(block, Figure)) + "\n"


def folding_markdown(blocks: Document) -> str:
    """The whole document, with folded blocks in `<details>`, the only HTML that is ever written:
    GitHub and GitLab fold it, others show what is in it. What stands in a summary is text."""
    return "\n\n".join(map(_folding, blocks)) + "\n"


def _folding(block: Block) -> str:
    if not isinstance(block, Folded):
        return _block(block)
    inner = "\n\n".join(map(_folding, block.blocks))
    return f"<details><summary>{_summary(block.summary)}</summary>\n\n{inner}\n\n</details>"


def _summary(text: str) -> str:
    """Text inside of HTML, where Markdown is not parsed, and mentions are looked for outside of
    code only."""
    shown = html.escape(one_line(text))
    return f"<code>{shown}</code>" if _LIVE.search(text) else shown


def _block(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {_inline(block.words)}"
        case Paragraph():
            return _opening(block.words)
        case Notice():
            return f"> **Warning:** {_inline(block.words)}"
        case Labelled():
            return _table(("", ""), block.rows)
        case Table():
            return _table(block.header, block.rows) if block.rows else _opening(block.empty)
        case Bullets():
            return "\n".join(f"- {_opening(item)}" for item in block.items)
        case CodeBlock():
            fence = _fence("\n".join(program_lines(block.text)), "sh")
            return fence if block.ends else f"{fence}\n\n{NO_LINE_BREAK}"
        case Output():
            return _fence(printable(block.text).rstrip("\n"), "text")
        case Folded():
            return "\n\n".join((_opening(f"{block.summary}:"), *map(_block, block.blocks)))
        case Figure():
            return ""
        case _:
            assert_never(block)


def _inline(words: Words) -> str:
    return _joined(map(_part, _runs(word_parts(words)))).strip()


def _runs(parts: Iterable[str | Toned]) -> Iterator[str | Toned]:
    """The parts, with adjacent prose joined: two parts may form something active together."""
    for plain, run in groupby(parts, key=lambda part: not isinstance(part, Exact | Toned)):
        if plain:
            yield "".join(str(part) for part in run)
        else:
            yield from run


def _joined(pieces: Iterable[str]) -> str:
    """The pieces, joined. Two adjacent code spans are separated: their backticks would run
    together."""
    row: list[str] = []
    for piece in filter(None, pieces):
        if row and row[-1].endswith("`") and piece.startswith("`"):
            row.append(" ")
        row.append(piece)
    return "".join(row)


def _part(part: str | Toned) -> str:
    if isinstance(part, Toned):
        text = _part(part.text).strip()
        return f"**{text}**" if text and part.tone in _STRESSED else text
    return _code(ascii_line(part)) if isinstance(part, Exact) else _prose(one_line(part))


def _prose(text: str) -> str:
    """Prose, escaped; text between backticks in our own sentences is set as code."""
    pieces = _QUOTED.split(text)
    return _joined(
        _code(piece) if number % 2 else _joined(map(_word, re.split(r"( +)", piece)))
        for number, piece in enumerate(pieces)
    )


def _word(word: str) -> str:
    """The word, escaped, or as code if it cannot be escaped."""
    return _set_as_code(word) if _LIVE.search(word) else _escaped(word)


def _set_as_code(word: str) -> str:
    begun = word.lstrip(_BEFORE)
    core = begun.rstrip(_BEHIND)
    if not _LIVE.search(core):
        return _code(word)
    before, behind = word[: len(word) - len(begun)], begun[len(core) :]
    return f"{_escaped(before)}{_code(core)}{_escaped(behind)}"


def _escaped(text: str) -> str:
    return _ACTIVE.sub(lambda match: _ENTITIES.get(match[0], f"\\{match[0]}"), text)


def _code(text: str) -> str:
    """A code span with enough backticks. The `<` of a tag is shown as a code point: some parsers
    act on HTML in code."""
    if not text:
        return ""
    text = _TAG.sub(r"\\u{3c}", text)
    ticks = "`" * _longer_than_any("`", text, 1)
    edge = text[0] + text[-1]
    pad = " " if "`" in edge or (edge == "  " and text.strip()) else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _opening(words: Words) -> str:
    """Inline text at the start of a block, where some characters would start another kind of block.
    Empty text becomes a dash: otherwise there would be no block."""
    text = _inline(words) or "–"
    return re.sub(r"^(\d{1,9})(?=[.)](?:\s|$))|^(?=[-+](?:\s|$)|[-=]{2,}|>)", r"\g<0>\\", text)


def _table(header: tuple[str, ...], rows: tuple[tuple[Words, ...], ...]) -> str:
    """A pipe table. Pipes are escaped even inside code: cells are split before code is parsed."""

    def row(cells: tuple[Words, ...]) -> str:
        return "| " + " | ".join(_inline(cell).replace("|", "\\|") for cell in cells) + " |"

    return "\n".join((row(header), "|" + " --- |" * len(header), *map(row, rows)))


def _fence(text: str, language: str) -> str:
    """A fenced block, with a fence longer than any in the text."""
    fence = "`" * _longer_than_any("`", text, 3)
    return f"{fence}{language}\n{text}\n{fence}"


def _longer_than_any(char: str, text: str, least: int) -> int:
    """More than the longest run of `char` in the text, and at least `least`."""
    runs = re.findall(f"{re.escape(char)}+", text)
    return max([least, *(len(run) + 1 for run in runs)])
