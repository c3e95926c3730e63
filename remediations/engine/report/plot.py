"""Plots as inline SVG: every series that was looked at, over time. No script, any colour scheme.

Colours come from CSS classes of the page, so that light, dark and print all work; every line ends
with its name, so that nobody depends on colour. Subjects whose values were the same all the time
share one line, or only the last one drawn could be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

import svg
from markupsafe import escape

from remediations.engine.report.report import Sample
from remediations.render.printable import ascii_line

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 64, 112, 12, 28
LABEL_HEIGHT = 12
MOST_LABELS = (HEIGHT - TOP - BOTTOM) // LABEL_HEIGHT
MOST_LETTERS = 18
"""Of a label, which would leave the picture with more."""
TICKS = 4
SHORT_S = 10
"""Below so many seconds the ticks show tenths."""
LINE_CLASSES = 8
"""So many distinct line styles stand in the stylesheet; more lines reuse them."""


@dataclass(frozen=True)
class Line:
    """One line: points are seconds since the start, and a value (None breaks the line)."""

    name: str
    points: tuple[tuple[float, int | None], ...]
    stepped: bool = False


class Label(NamedTuple):
    """A name at the right edge, at the height of what it names."""

    y: float
    text: str
    style: str


def series_plots(samples: Sequence[Sample]) -> tuple[tuple[str, str], ...]:
    """Every series that was seen, in order, with its plot; a series that nobody answered has none.

    A series with marks counts a part of a whole: it is drawn from zero, in steps. Any other is
    drawn from its lowest value.
    """
    names = dict.fromkeys(point.series for sample in samples for point in sample.sight.points)
    plots = ((name, _series_plot(name, samples)) for name in names)
    return tuple((name, plot) for name, plot in plots if plot)


def _series_plot(series: str, samples: Sequence[Sample]) -> str:
    start = samples[0].at
    looks = [
        (
            _seconds(sample.at, start),
            {p.subject: p.value for p in sample.sight.points if p.series == series},
        )
        for sample in samples
    ]
    marks = {m.label: m.value for s in samples for m in s.sight.marks if m.series == series}
    subjects = dict.fromkeys(subject for _, seen in looks for subject in seen)
    alike: dict[tuple[tuple[float, int | None], ...], list[str]] = {}
    for subject in subjects:
        alike.setdefault(tuple((at, seen.get(subject)) for at, seen in looks), []).append(subject)
    lines = [
        Line(_called([name or series for name in names]), points, stepped=bool(marks))
        for points, names in alike.items()
    ]
    return _plot(
        lines,
        f"{series} over time",
        marks=tuple((value, label) for label, value in marks.items()),
        floor=0 if marks else None,
    )


def _called(names: Sequence[str]) -> str:
    """The first name, as much of it as there is room for, and how many share its line."""
    name, beyond = ascii_line(names[0]), f" and {len(names) - 1} more" if len(names) > 1 else ""
    room = MOST_LETTERS - len(beyond)
    return (name if len(name) <= room else f"{name[: room - 1]}…") + beyond


def _seconds(at: datetime, start: datetime) -> float:
    return (at - start).total_seconds()


def _plot(
    lines: Sequence[Line],
    title: str,
    *,
    marks: Sequence[tuple[int, str]],
    floor: int | None = None,
) -> str:
    values = [v for line in lines for _, v in line.points if v is not None]
    values += [value for value, _ in marks]
    if not values:
        return ""
    low = min(values) if floor is None else floor
    high = max(*values, low + 1)
    end = max(seconds for line in lines for seconds, _ in line.points) or 1.0
    frame = _Frame(low, high, end)
    elements: list[svg.Element] = [svg.Title(text=escape(ascii_line(title)))]
    elements += frame.axes()
    labels = []
    for value, name in marks:
        elements.append(frame.mark(value))
        labels.append(Label(frame.y(value), f"{_called([name])} ({value})", "tick"))
    for number, line in enumerate(lines):
        style = f"line{number % LINE_CLASSES}"
        pieces = [frame.piece(points, style, stepped=line.stepped) for points in _pieces(line)]
        elements += pieces
        if pieces:
            last = next(value for _, value in reversed(line.points) if value is not None)
            labels.append(Label(frame.y(last), line.name, f"name {style}"))
    elements += _placed(labels)
    drawing = svg.SVG(
        viewBox=svg.ViewBoxSpec(0, 0, WIDTH, HEIGHT), elements=elements, class_=["plot"]
    )
    return drawing.as_str().replace("<svg ", '<svg role="img" ', 1)


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


def _placed(labels: Sequence[Label]) -> list[svg.Element]:
    """The labels at the right edge, moved apart where they would cover each other; no more of them
    than there is room for. svg.py writes text as it is, so it is escaped here."""
    fitting = sorted(labels[:MOST_LABELS])
    places = [label.y for label in fitting]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + LABEL_HEIGHT)
    lowest = float(HEIGHT - BOTTOM)
    for i in reversed(range(len(places))):
        places[i] = min(places[i], lowest)
        lowest = places[i] - LABEL_HEIGHT
    return [
        svg.Text(
            x=WIDTH - RIGHT + 6, y=round(y + 4, 1), text=escape(label.text), class_=[label.style]
        )
        for label, y in zip(fitting, places, strict=True)
    ]


def _pieces(line: Line) -> list[list[tuple[float, int]]]:
    """The known stretches of a line."""
    pieces: list[list[tuple[float, int]]] = [[]]
    for seconds, value in line.points:
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((seconds, value))
    return [piece for piece in pieces if piece]
