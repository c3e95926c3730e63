"""Does what decided the plan still hold? Three ways: planned, now, and why it matters. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from remediations.plan.plan import Fact, Rule

DIGITS = 20
"""Of the largest 64-bit number."""


class Difference(NamedTuple):
    """One fact that no longer holds."""

    name: str
    planned: str
    now: str
    why: str


def compare(planned: Sequence[Fact], now: Sequence[Fact]) -> tuple[Difference, ...]:
    """Every planned fact against the same fact now; one that is gone differs too."""
    current = {fact.name: fact.value for fact in now}
    return tuple(
        Difference(fact.name, fact.value, current.get(fact.name, "not read"), fact.why)
        for fact in planned
        if not _holds(fact, current.get(fact.name))
    )


def _holds(fact: Fact, now: str | None) -> bool:
    if now is None:
        return False
    if fact.rule is Rule.EQUAL:
        return fact.value == now
    planned, current = _parts(fact.value), _parts(now)
    if planned is None or current is None or len(planned) != len(current):
        return fact.value == now
    return current >= planned


def _parts(value: str) -> tuple[int, ...] | None:
    """`1234` or `height/round/step`, to be compared part by part; None for anything else."""
    parts = value.split("/")
    if not all(part.isascii() and part.isdigit() and len(part) <= DIGITS for part in parts):
        return None
    return tuple(int(part) for part in parts)
