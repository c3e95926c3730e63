"""A host's text is split where its format says, and nowhere else."""

from __future__ import annotations

import pytest

from remediations.values.lines import (
    UNLIMITED,
    TextError,
    parse_number,
    parse_pairs,
    parse_seconds,
    split_lines,
    split_words,
)
from tests.unit.docs.pages import ROOT

SEPARATORS = "\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
HOST_ROOMS = (
    *("engine/approve", "engine/find", "engine/observe", "engine/plan", "engine/verify"),
    *("playbooks", "systems", "values"),
)
OWN_PROGRAMS = ("systems/hosts/compile", "systems/hosts/pyinfra")
"""What these read was written by programs of ours."""


@pytest.mark.parametrize("char", SEPARATORS)
def test_a_record_ends_at_a_line_feed_only(char: str) -> None:
    """`str.splitlines` would end it at each of these."""
    assert len(f"a{char}b".splitlines()) == 2
    assert split_lines(f"a{char}b=1\nc=2\n") == [f"a{char}b=1", "c=2"]
    assert parse_pairs(f"a={char}b=1\nc=2\n") == {"a": f"{char}b=1", "c": "2"}


def test_lines_as_files_have_them() -> None:
    """The last line may lack its end; an empty line is a line."""
    assert split_lines("") == []
    assert split_lines("a\n\nb") == ["a", "", "b"]
    assert split_lines("\n") == [""]


@pytest.mark.parametrize("char", "\u00a0\u2003\u3000\x85\x1f\v\f")
def test_words_end_at_blanks_and_tabs_only(char: str) -> None:
    """`str.split` would end them at each of these."""
    assert split_words(f" a{char}b \t c ") == [f"a{char}b", "c"]


def test_who_says_a_name_twice_says_nothing() -> None:
    """Of two values one is not what the host says, and nobody knows which."""
    with pytest.raises(TextError, match="twice"):
        parse_pairs("home=/a\nhome=/b\n")


@pytest.mark.parametrize("text", ["", "-1", "1\n", "\u0661", "1" * 19, "0x1"])
def test_odd_numbers(text: str) -> None:
    with pytest.raises(TextError):
        parse_number(text)


@pytest.mark.parametrize(
    ("span", "expected"),
    [("1min 30s", 90), ("500ms", 1), ("1.5s", 2), ("90s", 90), ("infinity", UNLIMITED)],
)
def test_time_spans_are_rounded_up(span: str, expected: int) -> None:
    assert parse_seconds(span) == expected


@pytest.mark.parametrize("span", ["", "soon", "1s\n", "1s\u20032s", "1 s", "9" * 300 + "s"])
def test_odd_time_spans(span: str) -> None:
    with pytest.raises(TextError):
        parse_seconds(span)


def test_nothing_else_takes_a_hosts_text_apart() -> None:
    """`splitlines` is not used in the rooms that read what hosts say."""
    found = [
        str(file.relative_to(ROOT))
        for room in HOST_ROOMS
        for file in (ROOT / "remediations" / room).rglob("*.py")
        if ".splitlines(" in file.read_text() and not any(own in str(file) for own in OWN_PROGRAMS)
    ]
    assert found == []


def test_every_curl_is_bound_to_http() -> None:
    """Wherever a shell text asks an RPC, whose address a host has named."""
    found = [
        line.strip()
        for file in sorted((ROOT / "remediations").rglob("*.*"))
        if file.suffix in (".py", ".sh")
        for line in file.read_text().split("\n")
        if "curl -" in line and "curl --version" not in line and "--proto =http " not in line
    ]
    assert found == []


def test_no_pattern_lets_a_line_feed_through() -> None:
    """`$` also matches before a line feed at the end of a text: `\\Z` does not."""
    found = [
        line.strip()
        for room in HOST_ROOMS
        for file in sorted((ROOT / "remediations" / room).rglob("*.py"))
        for line in file.read_text().split("\n")
        if '$"' in line and ("re.compile(" in line or "pattern=" in line)
    ]
    assert [line for line in found if "MULTILINE" not in line] == []
