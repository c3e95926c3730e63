"""The frame of a plot: where a value and a second are in the picture, and how names fit into it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import svg

from remediations.render.printable import ascii_line

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 64, 112, 12, 28
MOST_LETTERS = 18
"""Of a label, which would leave the picture with more."""
TICKS = 4
SHORT_S = 10
"""Seconds of a plot below which the ticks show tenths."""


class Frame:
    """Values from `low` to `high`, over seconds from 0 to `end`."""

    def __init__(self, low: int, high: int, end: float) -> None:
        self._low, self._high, self._end = low, high, end

    def x(self, seconds: float) -> float:
        """The position of a second."""
        return round(LEFT + seconds / self._end * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: int) -> float:
        """The position of a value."""
        share = (value - self._low) / (self._high - self._low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def axes(self) -> list[svg.Element]:
        """Both of them, with numbers."""
        base = HEIGHT - BOTTOM
        digits, below = 0 if self._end >= SHORT_S else 1, ["tick", "mid"]
        found: list[svg.Element] = [
            svg.Line(x1=LEFT, y1=base, x2=WIDTH - RIGHT, y2=base, class_=["axis"]),
            svg.Line(x1=LEFT, y1=TOP, x2=LEFT, y2=base, class_=["axis"]),
            *(
                svg.Text(x=self.x(at), y=HEIGHT - 8, text=f"{at:.{digits}f} s", class_=below)
                for at in (self._end * i / TICKS for i in range(TICKS + 1))
            ),
        ]
        for value in (self._low, self._high):
            found.append(
                svg.Text(x=LEFT - 6, y=self.y(value) + 4, text=str(value), class_=["tick", "end"])
            )
        return found

    def mark(self, value: int) -> svg.Element:
        """A dashed line across, at this value."""
        y = self.y(value)
        return svg.Line(x1=LEFT, y1=y, x2=WIDTH - RIGHT, y2=y, class_=["mark"])

    def piece(
        self, points: Sequence[tuple[float, int]], style: str, *, stepped: bool
    ) -> svg.Element:
        """An unbroken part of a line; one of a single point is a dot."""
        places = [(self.x(seconds), self.y(value)) for seconds, value in points]
        if len(places) == 1:
            return svg.Circle(cx=places[0][0], cy=places[0][1], r=2, class_=["line", style])
        path = [places[0]]
        for (_, before), (x, y) in pairwise(places):
            path += [(x, before), (x, y)] if stepped else [(x, y)]
        return svg.Polyline(points=[svg.Point(*place) for place in path], class_=["line", style])


def called(names: Sequence[str]) -> str:
    """The first name, as much of it as there is room for, and how many it stands for."""
    name, beyond = ascii_line(names[0]), f" and {len(names) - 1} more" if len(names) > 1 else ""
    room = MOST_LETTERS - len(beyond)
    return (name if len(name) <= room else f"{name[: room - 1]}…") + beyond
