"""Drawing into a string of a given width."""

from __future__ import annotations

from remediations.render.console import columns, draw, heading, labelled_rows, text_line


def test_markup_in_values_is_text() -> None:
    """What hosts say is never taken for markup, links or emoji."""
    text = draw([text_line("[red]x[/red] :boom: [link=x]")], width=80, colour=True)
    assert text == "[red]x[/red] :boom: [link=x]"


def test_long_values_wrap_below_themselves() -> None:
    """A value never runs into the column of labels."""
    rows = draw([labelled_rows([("label", "word " * 30)])], width=40, colour=False).splitlines()
    assert rows[0].startswith("label  word")
    assert all(row.startswith("       word") for row in rows[1:])
    assert max(map(len, rows)) <= 40


def test_long_words_are_folded_not_cut() -> None:
    """A digest is whole at any width."""
    text = draw([labelled_rows([("digest", "0123456789abcdef" * 4)])], width=40, colour=False)
    assert "".join(text.removeprefix("digest").split()) == "0123456789abcdef" * 4


def test_only_the_folding_column_wraps() -> None:
    """Names stay whole; the last column takes what is left."""
    table = columns(("host", "cause"), [("val1", "a " * 60), ("validator-number-2", "b")])
    rows = draw([table], width=60, colour=False).splitlines()
    assert rows[0].split() == ["host", "cause"]
    assert any(row.startswith("validator-number-2  b") for row in rows)


def test_heading_reaches_the_edge() -> None:
    """A section is told by a rule over the whole width."""
    assert draw([heading("next")], width=40, colour=False) == "next " + "─" * 35


def test_what_does_not_fit_continues_below() -> None:
    """A table that is too wide keeps its short columns, and cuts nothing off."""
    table = columns(("id", "host", "address"), [("G1", "v" * 30, "a" * 40), ("G2", "w", "b" * 40)])
    assert draw([table], width=40, colour=False).splitlines() == [
        "id",
        f"G1  host     {'v' * 27}",
        f"             {'v' * 3}",
        f"    address  {'a' * 27}",
        f"             {'a' * 13}",
        "G2  host     w",
        f"    address  {'b' * 27}",
        f"             {'b' * 13}",
    ]


def test_a_row_without_a_short_name_is_a_list() -> None:
    """Where even the first column is long, each row has its name above it."""
    table = columns(("fact", "value", "why"), [("f" * 20, "v" * 20, "")])
    assert draw([table], width=40, colour=False).splitlines() == ["f" * 20, f"  value  {'v' * 20}"]


def test_long_headings_wrap() -> None:
    """A title that leaves no room for its rule is whole, without one."""
    rows = draw([heading("stage 1: " + "val1 " * 20)], width=40, colour=False).splitlines()
    assert "".join(rows).count("val1") == 20
    assert "…" not in "".join(rows)


def test_values_are_escaped_before_they_are_laid_out() -> None:
    """What is shown for a hidden character takes its room: no line leaves the width."""
    text = draw([labelled_rows([("label", "a\u202e\u200b\n" * 20)])], width=40, colour=True)
    assert "\u202e" not in text
    assert max(map(len, text.splitlines())) <= 40 + len("\x1b[2m\x1b[0m")
