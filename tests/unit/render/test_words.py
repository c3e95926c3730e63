"""Times, durations, hashes and lists are written in one way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from remediations.render.formats import (
    count_of,
    format_duration,
    format_moment,
    format_time,
    name_some,
    short_digest,
)
from tests.worlds import BEGAN


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599, "59 min 59 s"),
        (7500, "2 h 5 min"),
        (90_000, "25 h 0 min"),
    ],
)
def test_span(seconds: float, text: str) -> None:
    """Two units at most, rounded down, never negative."""
    assert format_duration(timedelta(seconds=seconds)) == text


def test_times_name_their_zone() -> None:
    """Every time is UTC and says so."""
    assert format_time(BEGAN) == "12:00:00 UTC"
    assert format_moment(BEGAN) == "2026-11-25 12:00:00 UTC"


def test_count_and_short() -> None:
    """One is singular, none is plural; hashes show twelve digits."""
    assert [count_of(n, "host") for n in (0, 1, 2)] == ["0 hosts", "1 host", "2 hosts"]
    assert count_of(2, "entry", "entries") == "2 entries"
    assert short_digest("0123456789abcdef") == "0123456789ab"


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b, c"), (list("abcd"), "a, b and 2 more")],
)
def test_some(names: list[str], text: str) -> None:
    """A list is cut only where that hides two names or more, and says how many."""
    assert name_some(names, 2) == text
