"""A report as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from remediations.render.console import BAD, GOOD, Inline, columns, draw, heading, text_line
from tests.bench.figure import Figure, Line, Report

HEADER = ("measured", "value", "beside", "ratio", "goal", "")


def text_of(report: Report, *, width: int, colour: bool) -> str:
    """The whole report."""
    machine = report.machine
    parts: list[RenderableType] = [
        text_line(
            f"{machine.cores} cores, {machine.memory_gib} GiB, {machine.system}, "
            f"Python {machine.python}; {report.at:%Y-%m-%d %H:%M} UTC"
        )
    ]
    for figure in report.figures:
        parts.extend(_figure(figure))
    return draw(parts, width=width, colour=colour)


def _figure(figure: Figure) -> Iterator[RenderableType]:
    yield text_line("")
    yield heading(f"{figure.id}. {figure.title} ({figure.rounds} rounds)")
    if figure.not_measured:
        yield text_line(f"not measured: {figure.not_measured}")
    if figure.lines:
        yield columns(HEADER, [_row(one) for one in figure.lines])
    for note in figure.notes:
        yield text_line(f"· {note}")


def _row(one: Line) -> tuple[Inline, ...]:
    beside = f"{one.peer} {_number(one.peer_value)}" if one.peer_value is not None else one.peer
    ratio = f"{one.ratio:.2f}" if one.ratio is not None else ""
    goal = f"≤ {one.goal:g}" if one.goal is not None else ""
    style = GOOD if one.verdict == "goal met" else BAD
    return (
        one.what,
        f"{_number(one.value)} {one.unit}",
        beside,
        ratio,
        goal,
        text_line(one.verdict, style),
    )


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
