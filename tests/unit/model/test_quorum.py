"""Quorum is counted in power, in whole numbers, strictly."""

from __future__ import annotations

import pytest

from remediations.render.formats import percent
from remediations.systems.comet.quorum import can_halt, has_quorum


@pytest.mark.parametrize(
    ("power", "total", "enough"),
    [
        (67, 100, True),
        (66, 100, False),
        (2, 3, False),
        (3, 3, True),
        (200, 300, False),
        (201, 300, True),
        (0, 1, False),
        (6148914691236517205, 9223372036854775807, True),
        (6148914691236517204, 9223372036854775807, False),
    ],
)
def test_more_than_two_thirds_commit(power: int, total: int, enough: bool) -> None:
    """Exactly two thirds do not: three equal validators with one down stand still."""
    assert has_quorum(power, total) is enough


@pytest.mark.parametrize(
    ("absent", "total", "halts"), [(33, 100, False), (34, 100, True), (1, 3, True), (0, 1, False)]
)
def test_a_third_that_is_absent_halts(absent: int, total: int, halts: bool) -> None:
    """One third or more."""
    assert can_halt(absent, total) is halts


def test_shares_are_rounded_down() -> None:
    """66.66 % must never look like 66.7 %; and nothing of nothing is nothing."""
    assert percent(2, 3) == "66.6 %"
    assert percent(100, 100) == "100.0 %"
    assert percent(1, 0) == "0.0 %"
