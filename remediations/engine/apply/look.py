"""One look at the world while a plan is applied: what it shows, and what it says about a gate.

The engine draws, records and compares sights without knowing what they show. The domain makes them,
and decides whether a gate is open:

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

1. A look is one moment: `sight` and `judge` use what was read before, and read nothing themselves.
2. A subject that did not answer is a point without a value. It is not left out, and has no default.
3. Something unknown never opens a gate. A kind of gate that the look does not know is a
   `ValueError`.
4. Every look shows the same subjects in the same order.
5. A series that is called like a measure of the plan (`Impact`) has one point: its level now. After
   each stage it is held against what that stage declared (`regression.py`).
6. A verdict may say that the gate is `hopeless`: what was seen proves that it cannot open by
   itself, however long one waits. Where anything unknown could still open it, it is not. The
   wait ends when all looks of some seconds have said so (`HOPELESS_S`).
7. `Sight.harms` are what no stage may bring, whatever it declares (a state that differs, evidence
   of a fault). They are compared before and after each stage; what a look cannot tell is left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from msgspec import UNSET, UnsetType

from remediations.engine.plan.plan import Gate
from remediations.values.record import Moment, Record


class Point(Record, frozen=True, kw_only=True):
    """One value of one subject at one moment. `subject` is "" for the whole; `value` is None if
    there was no answer. The name of the series says what is counted, and the unit if there is one.
    """

    series: str
    subject: str
    value: int | None


class Mark(Record, frozen=True, kw_only=True):
    """A reference value of a series, such as a required minimum or the total.

    A series with marks counts a part of a whole: it is drawn from zero, in steps.
    """

    series: str
    label: str
    value: int


class Harm(Record, frozen=True, kw_only=True):
    """Something that must not become more while a plan is applied. `count` is how much of it there
    is, 0 for none; `says` is what was seen of it."""

    name: str
    count: int
    says: str


class Sight(Record, frozen=True, kw_only=True):
    """What a look shows: one line for people, points and marks for display, plot and report; and
    harms, unset by a look that knows of none, and by those of before there were any."""

    headline: str
    points: tuple[Point, ...]
    marks: tuple[Mark, ...] = ()
    harms: tuple[Harm, ...] | UnsetType = UNSET


class Sample(Record, frozen=True, kw_only=True):
    """A sight, and when it was seen."""

    at: Moment
    sight: Sight


class GateVerdict(NamedTuple):
    """Whether a gate is open, and what was seen. `hopeless` is why it cannot open by itself; ""
    where it still may."""

    open: bool
    seen: str
    hopeless: str = ""


class Look(Protocol):
    """What a domain knows at one moment, by the rules above."""

    @property
    def sight(self) -> Sight:
        """What is shown."""

    def judge(self, gate: Gate) -> GateVerdict:
        """What this look says about the gate.

        Raises:
            ValueError: the domain does not know this kind of gate.
        """


Watch = Callable[[], Awaitable[Look]]
"""Looks once. It may raise any exception: a look changes nothing, and is tried again."""
