"""What a host says is drawn in time that grows with its length, and not with its square."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pytest

from remediations.engine.report.html import page
from remediations.render.document import (
    Bullets,
    CodeBlock,
    Document,
    Folded,
    Heading,
    Labelled,
    Notice,
    Output,
    Paragraph,
    Table,
    Tone,
    Toned,
)
from remediations.render.markdown import markdown
from remediations.render.printable import Exact
from remediations.render.terminal import document_text
from tests.bench.growth import grows_at_most

LITTLE, TIMES = 3_000, 5

DRAWERS: Mapping[str, Callable[[Document], str]] = {
    "terminal": partial(document_text, width=80, colour=True),
    "markdown": markdown,
    "html": partial(page, "title"),
}
TEXTS: Mapping[str, tuple[str, str, str]] = {
    "punctuation behind a mention": ("@", ".", "x"),
    "punctuation before a mention": ("", "(", "@x"),
    "blanks": ("x", " ", "x"),
    "blanks at the end": ("x", " ", ""),
    "forty blanks and a letter": ("", " " * 40 + "x", ""),
    "backticks": ("", "`", "x"),
    "code spans": ("", "`a", "x"),
    "emoji without an end": (":", "a", "x"),
    "colons": ("", ":a", ""),
    "a commit without an end": ("", "a", "g"),
    "stars": ("", "*", "x"),
    "underscores": ("", "_", "x"),
    "backslashes": ("", "\\", "x"),
    "escapes": ("", "\\u{", "x"),
    "entities": ("", "&", "x"),
    "tags": ("", "<a", "x"),
    "references": ("", "~1", "x"),
    "issues": ("", "GH-", "x"),
    "digits": ("", "1", "x"),
    "a rule": ("", "-", "x"),
    "addresses": ("", "www.", "x"),
    "pipes": ("", "|", "x"),
    "mentions apart": ("", "@ ", "x"),
    "colours": ("", "\x1b[", "x"),
    "other letters": ("", "\u0430", "x"),
    "wide letters": ("", "\u4e2d", "x"),
    "no width": ("", "\u200b", "x"),
    "accents": ("", "e\u0301", "x"),
    "lines": ("", "a\n", "x"),
    "tabs": ("", "\t", "x"),
    "words": ("", "word ", "x"),
}
"""Beginning, what is repeated, end."""


def document(text: str) -> Document:
    """The text in every place of every block."""
    return (
        Heading(2, text),
        Paragraph((text, Exact(text), Toned(text, Tone.BAD))),
        Notice(text),
        Labelled(((text[:30], text),)),
        Table((text[:30], "b"), ((text, Exact(text)), ("x", text))),
        Bullets((text, Exact(text))),
        CodeBlock(text),
        Output(text),
        Folded(text, (Paragraph(text),)),
    )


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("draw", DRAWERS.values(), ids=DRAWERS.keys())
def test_cost_grows_with_the_text_and_not_with_its_square(
    draw: Callable[[Document], str], text: tuple[str, str, str]
) -> None:
    """Five times the text costs less than fifteen times as much; a square would be 25 times."""
    little, much = (_document(text, size) for size in (LITTLE, LITTLE * TIMES))
    assert grows_at_most(lambda: draw(little), lambda: draw(much), 3 * TIMES)


def _document(text: tuple[str, str, str], size: int) -> Document:
    begin, unit, end = text
    return document(begin + unit * (size // len(unit)) + end)
