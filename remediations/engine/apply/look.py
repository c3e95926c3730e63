"""One look at the world while a plan is applied: what every domain shows, and answers for gates.

The engine draws, journals and compares sights without knowing what they show. The domain makes them
and decides what they say about a gate:

    class LampLook:
        def __init__(self, lit: bool | None) -> None:  # None: the lamp did not answer
            self._lit = lit

        @property
        def sight(self) -> Sight:
            value = None if self._lit is None else int(self._lit)
            headline = {None: "lamp ?", 0: "dark", 1: "lit"}[value]
            return Sight(
                headline=headline, points=(Point(series="light", subject="lamp", value=value),)
            )

        def judge(self, gate: Gate) -> GateVerdict:
            return GateVerdict(open=self._lit is True, seen=self.sight.headline)

Rules:

1. A look is one moment: `sight` and `judge` answer from what was read, and read nothing themselves.
2. What did not answer is a point without a value, never one that is left out or a default.
3. What is not known opens no gate. A gate of a kind that the look does not know is a `ValueError`.
4. Subjects that are shown once are shown in every look, in the same order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from remediations.engine.plan.plan import Gate
from remediations.values.record import Record


class Point(Record, frozen=True, kw_only=True):
    """One value of one subject at one moment; `subject` is "" for the whole, `value` None where
    nobody answered. The series says what is counted, and in which unit where it has one."""

    series: str
    subject: str
    value: int | None


class Mark(Record, frozen=True, kw_only=True):
    """A value with which those of a series are compared, such as what is enough, and what is all.

    A series with marks counts a part of a whole: it is drawn from zero, in steps.
    """

    series: str
    label: str
    value: int


class Sight(Record, frozen=True, kw_only=True):
    """A look as it is shown: one line for people, points and marks for display, plot and report."""

    headline: str
    points: tuple[Point, ...]
    marks: tuple[Mark, ...] = ()


class GateVerdict(NamedTuple):
    """Whether a gate is open, and what was seen."""

    open: bool
    seen: str


class Look(Protocol):
    """What a domain gives for one moment."""

    @property
    def sight(self) -> Sight:
        """What is shown of it."""

    def judge(self, gate: Gate) -> GateVerdict:
        """What this look says about the gate.

        Raises:
            ValueError: the gate asks for something that the domain does not know.
        """


Watch = Callable[[], Awaitable[Look]]
"""Looks once. May raise whatever it met: looking is not acting, and is tried again."""
