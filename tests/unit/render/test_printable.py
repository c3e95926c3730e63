r"""What deceives is shown as its code point, unforgeably; what does not is left alone."""

from __future__ import annotations

import re
import sys
from unicodedata import category, name

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.render.printable import (
    Exact,
    ascii_line,
    escape_controls,
    one_line,
    printable,
    printable_line,
    program_lines,
)
from tests.hostile import INVISIBLE, each_hostile

ODD = st.text(st.sampled_from("a \\u{}202e5c\n\t\r\x1b\u202e\u200b\u0430\xa0é`<"), max_size=24)


def read_back(text: str) -> str:
    """The text that was shown as `text`."""
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda match: chr(int(match[1], 16)), text)


@given(ODD | st.text())
def test_nothing_is_lost_and_nothing_is_forged(text: str) -> None:
    """What is shown tells exactly what was there, so two texts never look the same."""
    assert read_back(ascii_line(text)) == text
    assert read_back(one_line(text)) == text
    assert read_back(printable(text)) == text
    end = "\n" if text.endswith("\n") or not text else ""
    joined = "\n".join(map(read_back, program_lines(text))) + end
    assert joined == (text or "\n")


@given(ODD | st.text())
def test_names_and_programs_are_ascii(text: str) -> None:
    """What identifies or runs has no letter that could pass for another one."""
    assert re.fullmatch(r"[\x20-\x7e]*", ascii_line(text))
    for row in program_lines(text):
        assert re.fullmatch(r"[\x20-\x7e]*", row)
        assert not row.endswith(" ")


def test_every_character_that_hides_is_shown() -> None:
    """Over all of Unicode: prose keeps Latin letters, ASCII and our own punctuation only."""
    kept = {
        chr(point)
        for point in range(0x80, sys.maxunicode + 1)
        if one_line(chr(point)) == chr(point)
    }
    letters = kept - set("–…·→↳─")
    assert {category(char) for char in letters} == {"Lu", "Ll"}
    assert {name(char).split()[0] for char in letters} == {"LATIN"}
    for hidden in "".join(INVISIBLE):
        assert hidden.isascii() or hidden not in kept
    assert set("éüÅñßłőžșøæ→–…·─") <= kept


@each_hostile
def test_the_last_line_of_defence_lets_nothing_through(text: str) -> None:
    """Text that was forgotten loses what steers or hides, and what was escaped stays as it is."""
    left = escape_controls(text)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f]", left
    )
    assert escape_controls(one_line(text)) == one_line(text)
    assert escape_controls(ascii_line(text)) == ascii_line(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("val-1.example.org", "val-1.example.org"),
        ("60 → 100 · at worst – 2/3 …", "60 → 100 · at worst – 2/3 …"),
        ("Zürich, Łódź, café", "Zürich, Łódź, café"),
        ("сору", r"\u{441}\u{43e}\u{440}\u{443}"),
        ("ΟΚ", r"\u{39f}\u{39a}"),
        ("ᎪᏚ ꓮ", r"\u{13aa}\u{13da} \u{a4ee}"),
        ("停止", r"\u{505c}\u{6b62}"),
        ("2 × 3", r"2 \u{d7} 3"),
        ("vаl1", r"v\u{430}l1"),
        ("node нода", r"node \u{43d}\u{43e}\u{434}\u{430}"),
        ("a\u202eb", r"a\u{202e}b"),
        (r"a\u{202e}b", r"a\u{5c}u{202e}b"),
        ("e\u0301", r"e\u{301}"),
        ("fi\ufb01", r"fi\u{fb01}"),
        ("\u05d0\u05d1", r"\u{5d0}\u{5d1}"),
        ("two\nlines", r"two\u{a}lines"),
    ],
)
def test_prose(text: str, said: str) -> None:
    """Latin letters stay with their accents; of others, and where reading turns round, code points
    stand, also where a word is of one script: all of these can be read as Latin."""
    assert one_line(text) == said


def test_the_type_chooses_the_rule() -> None:
    """A name is shown by the strict rule; joined to other text it is prose, and still safe."""
    assert printable_line(Exact("café  x ")) == r"caf\u{e9} \u{20}x\u{20}"
    assert printable_line("café") == "café"
    assert printable_line("on " + Exact("v\u0430l1")) == r"on v\u{430}l1"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a\tb\n", (r"a\u{9}b",)),
        ("a \n", (r"a\u{20}",)),
        ("a  b\n", ("a  b",)),
        ("a\r\nb\n", (r"a\u{d}", "b")),
        ("a\n\n", ("a", "")),
        ("", ()),
        ("a\x85b\u2028c\x0bd\n", (r"a\u{85}b\u{2028}c\u{b}d",)),
        ("true" + " " * 42 + "; reboot\n", ("true" + " " * 40 + r"\u{20}\u{20}; reboot",)),
    ],
)
def test_programs(text: str, rows: tuple[str, ...]) -> None:
    """Blanks that could not be seen are; only a line feed begins a row, as for the shell."""
    assert program_lines(text) == rows
