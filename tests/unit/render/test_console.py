"""Drawing into a string of a given width."""

from __future__ import annotations

from remediations.render.console import columns, drawn, facts, heading, line


def test_markup_in_values_is_text() -> None:
    """What hosts say is never taken for markup, links or emoji."""
    text = drawn([line("[red]x[/red] :boom: [link=x]")], width=80, colour=True)
    assert text == "[red]x[/red] :boom: [link=x]"


def test_long_values_wrap_below_themselves() -> None:
    """A value never runs into the column of labels."""
    rows = drawn([facts([("label", "word " * 30)])], width=40, colour=False).splitlines()
    assert rows[0].startswith("label  word")
    assert all(row.startswith("       word") for row in rows[1:])
    assert max(map(len, rows)) <= 40


def test_long_words_are_folded_not_cut() -> None:
    """A digest is whole at any width."""
    text = drawn([facts([("digest", "0123456789abcdef" * 4)])], width=40, colour=False)
    assert "".join(text.removeprefix("digest").split()) == "0123456789abcdef" * 4


def test_only_the_folding_column_wraps() -> None:
    """Names stay whole; the last column takes what is left."""
    table = columns(("host", "cause"), [("val1", "a " * 60), ("validator-number-2", "b")])
    rows = drawn([table], width=60, colour=False).splitlines()
    assert rows[0].split() == ["host", "cause"]
    assert any(row.startswith("validator-number-2  b") for row in rows)


def test_heading_reaches_the_edge() -> None:
    """A section is told by a rule over the whole width."""
    assert drawn([heading("next")], width=40, colour=False) == "next " + "─" * 35
