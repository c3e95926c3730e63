"""The checks of a run in its plots: where the run ended, the time in which they ran, when each of
them passed or failed.

Nothing depends on colour: the run's end is a line, the checks are shaded and named, and what passed
has another sign than what did not. Above the plot are the names, as far as there is room for
them; the description of the picture has them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

import svg
from markupsafe import escape

from remediations.engine.report.plot_frame import BOTTOM, HEIGHT, TOP, Frame, called
from remediations.engine.report.verification import Proof, check_moments
from remediations.engine.verify.result import CheckOutcome
from remediations.render.printable import ascii_line

STRIP = 36
"""So much room above the plot is theirs."""
PHASES_Y, SIGNS_Y = -24, -6
SIGN_WIDTH, LETTER_WIDTH = 14, 6.5
"""Of a sign with the gap behind it, and of a letter of a label, which is never narrower."""


LINES_APART = 4
"""Pixels between two moments that both have a line."""


class Moment(NamedTuple):
    """When a check was done with, in seconds since the first look."""

    at: float
    id: str
    outcome: CheckOutcome

    @property
    def good(self) -> bool:
        """Whether it passed."""
        return self.outcome is CheckOutcome.PASSED


@dataclass(frozen=True)
class Checking:
    """When the run ended, and when its checks ran: seconds since the first look."""

    run_ended: float
    began: float
    ended: float
    moments: tuple[Moment, ...]

    @classmethod
    def of(cls, proof: Proof, first_look: datetime) -> Checking:
        """Of a run whose first look was then. What came before it has no place in the picture."""

        def seconds(at: datetime) -> float:
            return max(0.0, (at - first_look).total_seconds())

        found = proof.verification
        return cls(
            run_ended=seconds(proof.run_ended),
            began=seconds(found.began),
            ended=seconds(found.ended),
            moments=tuple(
                Moment(seconds(moment.at), moment.id, moment.outcome)
                for moment in check_moments(found.checks)
            ),
        )

    def told(self) -> str:
        """The same in words, for those who cannot see it."""
        at_once = groupby(self.moments, lambda moment: (f"{moment.at:.1f} s", moment.outcome))
        done = "; ".join(
            f"{', '.join(ascii_line(moment.id) for moment in those)} {outcome} at {at}"
            for (at, outcome), those in at_once
        )
        return (
            f"In seconds since the first look: the run ended at {self.run_ended:.1f} s, its checks "
            f"ran from {self.began:.1f} s to {self.ended:.1f} s: {done or 'none'}."
        )

    def shade(self, frame: Frame) -> list[svg.Element]:
        """What is drawn behind the lines of the plot."""
        left, right, base = frame.x(self.began), frame.x(self.ended), HEIGHT - BOTTOM
        end = frame.x(self.run_ended)
        return [
            svg.Rect(x=left, y=TOP, width=right - left, height=base - TOP, class_=["checks"]),
            *(
                svg.Line(x1=x, y1=TOP, x2=x, y2=base, class_=["moment", "good" if good else "bad"])
                for x, good in _apart([(frame.x(m.at), m.good) for m in self.moments])
            ),
            svg.Line(x1=end, y1=PHASES_Y, x2=end, y2=base, class_=["phase"]),
        ]

    def strip(self, frame: Frame) -> list[svg.Element]:
        """The text above the plot: the two parts of the time, and how the checks ended."""
        end = frame.x(self.run_ended)
        found: list[svg.Element] = [
            svg.Text(x=end - 6, y=PHASES_Y + 4, text="run", class_=["tick", "end"]),
            svg.Text(x=end + 6, y=PHASES_Y + 4, text="checks", class_=["tick"]),
        ]
        for x, group in _groups([(frame.x(moment.at), moment) for moment in self.moments]):
            good = all(moment.good for moment in group)
            found += _sign(x + 4, good=good)
            found.append(
                svg.Text(
                    x=x + SIGN_WIDTH,
                    y=SIGNS_Y + 4,
                    text=escape(_label(group)),
                    class_=["good" if good else "bad"],
                )
            )
        return found


def _apart(places: Sequence[tuple[float, bool]]) -> list[tuple[float, bool]]:
    """Those that can be distinguished by eye; a bad one is always kept."""
    kept: list[tuple[float, bool]] = []
    for x, good in places:
        if not good or not kept or x >= kept[-1][0] + LINES_APART:
            kept.append((x, good))
    return list(dict.fromkeys(kept))


def _groups(placed: Sequence[tuple[float, Moment]]) -> list[tuple[float, list[Moment]]]:
    """Moments by their position, grouped where their labels would overlap."""
    groups: list[tuple[float, list[Moment]]] = []
    for x, moment in placed:
        if groups and x < groups[-1][0] + SIGN_WIDTH + LETTER_WIDTH * len(_label(groups[-1][1])):
            groups[-1][1].append(moment)
        else:
            groups.append((x, [moment]))
    return groups


def _label(group: Sequence[Moment]) -> str:
    """The checks that did not pass; where all did, all of them."""
    bad = [moment.id for moment in group if not moment.good]
    return called(bad or [moment.id for moment in group])


def _sign(x: float, *, good: bool) -> list[svg.Element]:
    """A tick, or a cross."""
    y = SIGNS_Y
    if good:
        points = [svg.Point(x - 4, y), svg.Point(x - 1, y + 3), svg.Point(x + 4, y - 4)]
        return [svg.Polyline(points=points, class_=["sign", "good"])]
    return [
        svg.Line(x1=x - 4, y1=y - 4, x2=x + 4, y2=y + 4, class_=["sign", "bad"]),
        svg.Line(x1=x - 4, y1=y + 4, x2=x + 4, y2=y - 4, class_=["sign", "bad"]),
    ]
