"""Waiting: until it is enough or the time is over, and never in silence."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from remediations.engine.verify.wait import POLL_S, Wait


def looking(
    looks: Iterator[int], *, limit_s: float = 60, seen: int | None = None
) -> tuple[int, list[str]]:
    """What a wait for 3 or more sees last, and what is told meanwhile."""
    told: list[str] = []
    last = Wait("P1", told.append).until(
        lambda: next(looks),
        lambda number: number >= 3,
        limit_s=limit_s,
        missing=lambda number: f"3, now {number}",
        seen=seen,
    )
    return last, told


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """A clock that only sleeping moves."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", sleep)
    return lambda: now[0]


def test_it_ends_with_the_first_that_is_enough(clock: Callable[[], float]) -> None:
    """What was looked at already counts as a look."""
    assert looking(iter([1, 2, 3, 4])) == (3, [])
    assert looking(iter([3, 4])) == (3, [])
    assert looking(iter([5]), seen=1) == (5, [])
    assert looking(iter([]), seen=4) == (4, [])


def test_it_gives_up_and_gives_what_it_saw_last(clock: Callable[[], float]) -> None:
    """After the time that it has, and one look in any case."""
    last, _ = looking(iter([1] * 1000), limit_s=10)
    assert last == 1
    assert 10 <= clock() <= 10 + 2 * POLL_S
    assert looking(iter([3]), limit_s=0) == (3, [])


def test_what_is_done_meanwhile_is_done_at_each_turn(clock: Callable[[], float]) -> None:
    """And not where nothing is waited for. What it raises is not the check's."""
    turns: list[float] = []

    def fails() -> None:
        turns.append(clock())
        raise RuntimeError("a bug in what is only shown")

    waits = Wait("P1", lambda _: None, fails)
    looks = iter([1, 2, 3])
    for _ in range(2):
        waits.until(lambda: next(looks, 3), lambda n: n >= 3, limit_s=60, missing=lambda _: "more")
    assert turns == [0, POLL_S]


def test_what_is_waited_for_is_told_every_few_seconds(clock: Callable[[], float]) -> None:
    """With the check, what is missing, and how long it may still take."""
    _, told = looking(iter([1] * 1000), limit_s=21)
    assert told == [f"P1 waits: 3, now 1; {left} s left" for left in (16, 11, 6, 1)]
