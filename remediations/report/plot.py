"""Plots as inline SVG: height per node and power online over time. No script, any colour scheme.

Colours come from CSS classes of the page, so that light, dark and print all work; every line ends
with its name, so that nobody depends on colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import svg

from remediations.report.report import Sample

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 64, 88, 12, 28
LINE_CLASSES = 8
"""So many distinct line styles stand in the stylesheet; more nodes reuse them."""


@dataclass(frozen=True)
class Series:
    """One line: points are seconds since the start, and a value (None breaks the line)."""

    name: str
    points: tuple[tuple[float, int | None], ...]
    stepped: bool = False


def heights_plot(samples: Sequence[Sample]) -> str:
    """Height of every node over time; "" without samples."""
    if not samples:
        return ""
    start = samples[0].at
    hosts = list(dict.fromkeys(host for sample in samples for host, _ in sample.heights))
    series = [
        Series(host, tuple((_seconds(s.at, start), dict(s.heights).get(host)) for s in samples))
        for host in hosts
    ]
    return _plot(series, "Block height of every node over time", marks=())


def power_plot(samples: Sequence[Sample]) -> str:
    """Voting power that votes, over time, with the two-thirds line; "" without samples."""
    if not samples:
        return ""
    start, total = samples[0].at, samples[-1].total_power
    line = Series(
        "online", tuple((_seconds(s.at, start), s.online_power) for s in samples), stepped=True
    )
    marks = ((2 * total // 3, "2/3"), (total, "all"))
    return _plot([line], "Voting power online over time", marks=marks, floor=0)


def _seconds(at: datetime, start: datetime) -> float:
    return (at - start).total_seconds()


def _plot(
    series: Sequence[Series],
    title: str,
    *,
    marks: Sequence[tuple[int, str]],
    floor: int | None = None,
) -> str:
    values = [v for line in series for _, v in line.points if v is not None]
    values += [value for value, _ in marks]
    if not values:
        return ""
    low = min(values) if floor is None else floor
    high = max(*values, low + 1)
    end = max(seconds for line in series for seconds, _ in line.points) or 1.0
    frame = _Frame(low, high, end)
    elements: list[svg.Element] = []
    elements += frame.axes()
    for value, name in marks:
        elements += frame.mark(value, name)
    taken: list[float] = []
    for number, line in enumerate(series):
        elements += frame.line(line, number, taken)
    drawing = svg.SVG(
        viewBox=svg.ViewBoxSpec(0, 0, WIDTH, HEIGHT), elements=elements, class_=["plot"]
    )
    return drawing.as_str().replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)


class _Frame:
    """Where a value and a second lie in the picture."""

    def __init__(self, low: int, high: int, end: float) -> None:
        self._low, self._high, self._end = low, high, end

    def x(self, seconds: float) -> float:
        return round(LEFT + seconds / self._end * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: int) -> float:
        share = (value - self._low) / (self._high - self._low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def axes(self) -> list[svg.Element]:
        base = HEIGHT - BOTTOM
        found: list[svg.Element] = [
            svg.Line(x1=LEFT, y1=base, x2=WIDTH - RIGHT, y2=base, class_=["axis"]),
            svg.Line(x1=LEFT, y1=TOP, x2=LEFT, y2=base, class_=["axis"]),
            svg.Text(x=LEFT, y=HEIGHT - 8, text="0 s", class_=["tick"]),
            svg.Text(
                x=WIDTH - RIGHT, y=HEIGHT - 8, text=f"{self._end:.0f} s", class_=["tick", "end"]
            ),
        ]
        for value in (self._low, self._high):
            found.append(
                svg.Text(x=LEFT - 6, y=self.y(value) + 4, text=str(value), class_=["tick", "end"])
            )
        return found

    def mark(self, value: int, name: str) -> list[svg.Element]:
        y = self.y(value)
        return [
            svg.Line(x1=LEFT, y1=y, x2=WIDTH - RIGHT, y2=y, class_=["mark"]),
            svg.Text(x=WIDTH - RIGHT + 4, y=y + 4, text=f"{name} ({value})", class_=["tick"]),
        ]

    def line(self, series: Series, number: int, taken: list[float]) -> list[svg.Element]:
        """The line in pieces (unknown values break it), and its name at the right edge."""
        style = f"line{number % LINE_CLASSES}"
        found: list[svg.Element] = []
        last: tuple[float, float] | None = None
        for piece in _pieces(series):
            points: list[svg.Point] = []
            for seconds, value in piece:
                x, y = self.x(seconds), self.y(value)
                if series.stepped and last is not None and points:
                    points.append(svg.Point(x, last[1]))
                points.append(svg.Point(x, y))
                last = (x, y)
            found.append(svg.Polyline(points=points, class_=["line", style]))
        if last is not None:
            y = last[1]
            while any(abs(y - other) < 11 for other in taken):
                y += 11
            taken.append(y)
            found.append(
                svg.Text(x=last[0] + 4, y=round(y + 4, 1), text=series.name, class_=["name", style])
            )
        return found


def _pieces(series: Series) -> list[list[tuple[float, int]]]:
    pieces: list[list[tuple[float, int]]] = [[]]
    for seconds, value in series.points:
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((seconds, value))
    return [piece for piece in pieces if piece]
