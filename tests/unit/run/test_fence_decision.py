"""Who may hold a resource, from the records of its voters: pure decisions."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from remediations.engine.apply.driver import NEVER_TAKEN, FenceRecord
from remediations.engine.apply.fence import (
    TEXT_BYTES,
    Bid,
    current_holder,
    decide_fence,
    fence_text,
    next_bid,
)

ONE, TWO = "1" * 64, "2" * 64
TOKEN = "0123456789abcdef"
CHAIN = "chain/lab"
FIVE = ("a", "b", "c", "d", "e")


def held(number: int, plan: str = ONE, *, given: bool = False) -> FenceRecord:
    return FenceRecord(number=number, holder=f"{plan}.{TOKEN}", held=not given, text="taken by ops")


STOLEN = FenceRecord(number=6, holder="-", held=False, text="stolen")


@pytest.mark.parametrize(
    ("granted", "targets", "enough"),
    [
        ("abc", "a", True),
        ("abc", "abc", True),
        ("ab", "a", False),  # two of five
        ("abcd", "e", False),  # a target is missing
        ("abcde", "", True),
        ("", "", False),
        ("xyz", "", False),  # they have no vote
    ],
)
def test_a_majority_of_all_and_every_target(granted: str, targets: str, enough: bool) -> None:
    """Those that did not answer count, too."""
    assert decide_fence(tuple(granted), FIVE, tuple(targets)) is enough


def test_half_is_not_a_majority() -> None:
    """The other half could be somebody else's."""
    assert not decide_fence("ab", "abcd", "a")


@pytest.mark.parametrize(
    ("answers", "again", "bid"),
    [
        ([NEVER_TAKEN, None, NEVER_TAKEN], False, Bid(number=1, over={"a": 0, "c": 0})),
        ([held(4, given=True)] * 3, False, Bid(number=5, over={"a": 0, "b": 0, "c": 0})),
        ([held(4)] * 3, False, Bid(number=5, over={})),
        ([held(4, TWO)] * 3, True, Bid(number=5, over={})),
        ([held(4)] * 3, True, Bid(number=5, over={"a": 4, "b": 4, "c": 4})),
        # c was away when it was given back, or stolen: most are past it.
        (
            [held(4, given=True), held(4, given=True), held(4)],
            False,
            Bid(number=5, over={"a": 0, "b": 0, "c": 4}),
        ),
        ([STOLEN, STOLEN, held(5)], False, Bid(number=7, over={"a": 0, "b": 0, "c": 5})),
        # One is not enough: it may be taking it right now, and one voter may lie.
        ([held(4, given=True), None, held(4)], False, Bid(number=5, over={"a": 0})),
        ([STOLEN, held(5), held(5)], False, Bid(number=7, over={"a": 0})),
    ],
)
def test_a_bid_replaces_only_who_cannot_hold_it(
    answers: Sequence[FenceRecord | None], again: bool, bid: Bid
) -> None:
    """The number is higher than any; the same plan goes on only if asked to."""
    assert next_bid(dict(zip("abc", answers, strict=True)), ONE, again=again) == bid


def test_who_holds_it_is_who_has_the_highest_number() -> None:
    """And nobody, where most are past the last holder."""
    assert current_holder({"a": held(4, TWO), "b": held(5), "c": None}) == held(5)
    assert current_holder({"a": STOLEN, "b": STOLEN, "c": held(5)}) is None


def test_a_text_is_printable_and_bounded() -> None:
    """As the targets want it, also in the middle of a letter."""
    text = fence_text("chain/é", "a\nb\x1b[2J" + "é" * 500)
    assert text.isprintable()
    assert len(text.encode()) <= TEXT_BYTES
