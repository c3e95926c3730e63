"""What a host says is drawn in time that grows with its length, and not with its square."""

from __future__ import annotations

import time
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

LITTLE, TIMES = 3_000, 5
BEYOND_DOUBT_S = 0.5
"""What takes less is not measured: a square shows where it hurts."""

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
def test_time_grows_with_the_text_and_not_with_its_square(
    draw: Callable[[Document], str], text: tuple[str, str, str]
) -> None:
    """Five times the text takes far less than 25 times as long. CPU time: others who use the
    machine do not count; a moment's noise is measured again."""
    little, much = (_document(text, size) for size in (LITTLE, LITTLE * TIMES))
    assert any(
        (cost := _cost(draw, much)) < BEYOND_DOUBT_S or cost < 2 * TIMES * _cost(draw, little)
        for _ in range(3)
    )


def _document(text: tuple[str, str, str], size: int) -> Document:
    begin, unit, end = text
    return document(begin + unit * (size // len(unit)) + end)


def _cost(draw: Callable[[Document], str], drawn: Document) -> float:
    began = time.process_time()
    draw(drawn)
    return time.process_time() - began
