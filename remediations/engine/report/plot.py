"""Plots as inline SVG: every series that was looked at, over time, from the first look of a run to
the end of its checks. No script, any colour scheme.

Colours come from CSS classes of the page, so that light, dark and print all work; every line ends
with its name, so that nobody depends on colour. Subjects whose values were the same all the time
share one line, or only the last one drawn could be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import svg
from markupsafe import escape

from remediations.engine.apply.look import Sample
from remediations.engine.report.plot_checks import STRIP, Checking
from remediations.engine.report.plot_frame import (
    BOTTOM,
    HEIGHT,
    RIGHT,
    TOP,
    WIDTH,
    Frame,
    called,
)
from remediations.engine.report.verification import Proof
from remediations.render.printable import ascii_line

LABEL_HEIGHT = 12
MOST_LABELS = (HEIGHT - TOP - BOTTOM) // LABEL_HEIGHT
LINE_CLASSES = 8
"""The number of line styles in the stylesheet; more lines reuse them."""


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


def series_plots(
    of_run: Sequence[Sample], proof: Proof | None = None
) -> tuple[tuple[str, str], ...]:
    """Every series that was seen, in order, with its plot; a series that nobody answered has none.
    The looks and the checks of `proof` follow those of the run.

    A series with marks counts a part of a whole: it is drawn from zero, in steps. Any other is
    drawn from its lowest value.
    """
    samples = (*of_run, *(proof.samples if proof else ()))
    checking = Checking.of(proof, samples[0].at) if proof and samples else None
    names = dict.fromkeys(point.series for sample in samples for point in sample.sight.points)
    plots = ((name, _series_plot(name, samples, checking)) for name in names)
    return tuple((name, plot) for name, plot in plots if plot)


def _series_plot(series: str, samples: Sequence[Sample], checking: Checking | None) -> str:
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
        Line(called([name or series for name in names]), points, stepped=bool(marks))
        for points, names in alike.items()
    ]
    return _plot(
        lines,
        f"{series} over time",
        marks=tuple((value, label) for label, value in marks.items()),
        checking=checking,
        floor=0 if marks else None,
    )


def _seconds(at: datetime, start: datetime) -> float:
    return (at - start).total_seconds()


def _plot(
    lines: Sequence[Line],
    title: str,
    *,
    marks: Sequence[tuple[int, str]],
    checking: Checking | None,
    floor: int | None = None,
) -> str:
    values = [v for line in lines for _, v in line.points if v is not None]
    values += [value for value, _ in marks]
    if not values:
        return ""
    low = min(values) if floor is None else floor
    high = max(*values, low + 1)
    end = max(seconds for line in lines for seconds, _ in line.points)
    frame = Frame(low, high, max(end, checking.ended if checking else 0.0) or 1.0)
    elements: list[svg.Element] = [svg.Title(text=escape(ascii_line(title)))]
    if checking is not None:
        elements.append(svg.Desc(text=escape(checking.told())))
        elements += checking.shade(frame)
    elements += frame.axes()
    labels = []
    for value, name in marks:
        elements.append(frame.mark(value))
        labels.append(Label(frame.y(value), f"{called([name])} ({value})", "tick"))
    for number, line in enumerate(lines):
        style = f"line{number % LINE_CLASSES}"
        pieces = [frame.piece(points, style, stepped=line.stepped) for points in _pieces(line)]
        elements += pieces
        if pieces:
            last = next(value for _, value in reversed(line.points) if value is not None)
            labels.append(Label(frame.y(last), line.name, f"name {style}"))
    elements += _placed(labels)
    above = 0
    if checking is not None:
        elements += checking.strip(frame)
        above = STRIP
    drawing = svg.SVG(
        viewBox=svg.ViewBoxSpec(0, -above, WIDTH, HEIGHT + above),
        elements=elements,
        class_=["plot"],
    )
    return drawing.as_str().replace("<svg ", '<svg role="img" ', 1)


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
