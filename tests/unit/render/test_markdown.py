"""A value in Markdown is text, wherever it stands and whoever reads it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remediations.render.document import (
    Block,
    Bullets,
    CodeBlock,
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
)
from remediations.render.markdown import markdown
from remediations.render.printable import Exact, printable_line
from tests.hostile import each_hostile
from tests.unit.render import oracle

MARKS = st.text(st.sampled_from("aZ9 \\`*_~[]()<>!#@&;|$:-+=.\n\t\"'{}^/"), max_size=30)


def everywhere(words: Words, text: str) -> tuple[Block, ...]:
    """A document with these words in every kind of place."""
    return (
        Heading(1, words),
        Heading(2, ("Stage: ", *((words,) if not isinstance(words, tuple) else words))),
        Paragraph(words),
        Notice(words),
        Labelled((("Label", words), ("Other", "x"))),
        Table(("A", "B"), ((words, "x"), ("x", words))),
        Bullets((words, words)),
        Folded(text, (Paragraph(words),)),
        CodeBlock(f"{text}\n"),
        Output(text or "x"),
        Paragraph("the end"),
    )


def compact(text: str) -> str:
    """Without blanks, and without the backticks that quote code in prose."""
    return re.sub(r"[\s`]", "", text).replace("<", r"\u{3c}")


@pytest.mark.parametrize("wrap", [str, Exact], ids=["prose", "exact"])
@each_hostile
def test_a_value_is_text_in_every_place(text: str, wrap: type[str]) -> None:
    """Whatever it says, the document has the same parts, and nothing in it is live."""
    source = markdown(everywhere(wrap(text), text))
    plain = markdown(everywhere(wrap("word"), "word"))
    assert oracle.structure(source) == oracle.structure(plain)
    assert oracle.live(source) == []
    assert oracle.strong(source) == oracle.strong(plain)


@given(MARKS | st.text(max_size=20))
@settings(max_examples=400)
def test_it_is_read_as_it_was_written(text: str) -> None:
    """Escapes are for the parser alone: readers see the text, whatever it is made of."""
    for wrap in (str, Exact):
        value = wrap(text)
        source = markdown(everywhere(value, text))
        assert oracle.structure(source) == oracle.structure(markdown(everywhere("word", "word")))
        assert oracle.live(source) == []
        title, _, paragraph, *_ = oracle.texts(source)
        assert compact(title) == compact(printable_line(value))
        assert compact(paragraph).strip("–") == compact(printable_line(value)).strip("–")


@given(MARKS, MARKS)
@settings(max_examples=200)
def test_values_side_by_side_do_not_act_together(first: str, second: str) -> None:
    """Neither half of a link, a code span or a stress finds its other half next to it."""
    words = ("x", first, Exact(second), second, first)
    source = markdown((Paragraph(words), Paragraph("the end")))
    parts = [kind for kind, _, _ in oracle.structure(source)]
    assert parts == ["paragraph_open", "inline", "paragraph_close"] * 2
    assert compact(oracle.texts(source)[0]) == compact("".join(map(printable_line, words)))


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("val-1.example.org is stopped", "val-1.example.org is stopped"),
        ("double_sign_check_height = 0", "double_sign_check_height = 0"),
        ("full1, val1 (40): 60 → 100", "full1, val1 (40): 60 → 100"),
        ("12:00:05 UTC, 2/3 or less", "12:00:05 UTC, 2/3 or less"),
        ("run `remediate diagnose` again", "run `remediate diagnose` again"),
        ("by alice@example.org, at last", "by `alice@example.org`, at last"),
        ("see http://a.example/b (www.c.example).", "see `http://a.example/b` (`www.c.example`)."),
        ("as in #12 and 0123abc", "as in `#12` and `0123abc`"),
        ("a*b <c> [d]", r"a\*b &lt;c> \[d\]"),
        ("1. - #", r"1\. - \#"),
        ("- x", r"\- x"),
        ("a\nb", r"a\u{a}b"),
    ],
)
def test_it_reads_well_as_plain_text(text: str, source: str) -> None:
    """No more is escaped than has to be."""
    assert markdown((Paragraph(text),)) == f"{source}\n"


@pytest.mark.parametrize("text", ["a|b", "\\|", "\\\\|", "|", "a\\", "`|`"])
def test_pipes_stay_in_their_cell(text: str) -> None:
    """Also in code, and after backslashes: cells are found before anything else."""
    for value in (text, Exact(text)):
        source = markdown((Table(("A", "B"), ((value, "x"),)),))
        assert compact(oracle.texts(source)[2]) == compact(text)
        assert oracle.texts(source)[3:] == ["x"]


def test_fences_are_longer_than_any_in_the_text() -> None:
    """A program cannot close the block that it stands in; it is there as it is."""
    source = markdown((CodeBlock("echo '\n````\n# x\n~~~~~~\n'\n"), Paragraph("the end")))
    assert source.startswith("`````sh\necho '\n````\n# x\n~~~~~~\n'\n`````\n")
    assert markdown((CodeBlock("a"),)).endswith("```\n\n(no line break at the end)\n")


def test_stress_is_ours_alone() -> None:
    """An empty or strange text does not leave asterisks behind."""
    for text in ("", " ", "*", "**x", " x "):
        source = markdown((Paragraph(("is ", Toned(text, Tone.BAD), ".")), Paragraph("end")))
        assert oracle.strong(source) == (1 if text.strip() else 0)


def test_there_is_no_way_around_it() -> None:
    """Joined to a literal, a value is a value: nothing is taken for Markdown already."""
    evil = "[x](javascript:alert(1))"
    assert oracle.structure(markdown((Paragraph("see " + evil + " **now**"),))) == (
        oracle.structure(markdown((Paragraph("x"),)))
    )
