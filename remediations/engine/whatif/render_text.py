"""Renders projections for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from remediations.engine.find.render_text import STYLE
from remediations.engine.plan.plan import Impact
from remediations.engine.whatif.projection import ProjectedStage, Projection
from remediations.render.console import (
    BAD,
    STRONG,
    Inline,
    draw,
    heading,
    labelled_rows,
    styled_text,
    text_line,
)
from remediations.render.formats import name_some, percent

SHOWN = 8


def projection_text(
    found: Projection, *, width: int, colour: bool, notes: Sequence[tuple[str, str]] = ()
) -> str:
    """The projection as text; `notes` are rows of what is known beside it."""
    parts: list[RenderableType] = [styled_text(("WHAT IF", STRONG), f" {found.title}")]
    if notes:
        parts.append(labelled_rows(notes))
    for number, stage in enumerate(found.stages):
        title = stage.title if not number else f"{number}. {stage.title}"
        parts += [heading(title), labelled_rows(list(_rows(stage)))]
    if found.refused:
        parts += [heading("refused as things are"), text_line(name_some(found.refused), BAD)]
    if found.notes:
        parts.append(heading("what follows"))
        parts += [text_line(note) for note in found.notes]
    parts += [heading("next"), text_line(found.next_step, STRONG)]
    return draw(parts, width=width, colour=colour)


def _rows(stage: ProjectedStage) -> Iterator[tuple[Inline, Inline]]:
    for impact in stage.impacts:
        yield impact.measure, _impact(impact)
    yield "then", styled_text((stage.verdict, STYLE[stage.health]))
    if stage.single_points:
        points = [f"{point.name} ({point.weight})" for point in stage.single_points]
        which = "this one alone" if len(points) == 1 else "each of these alone"
        yield "one more", f"{which} brings it down: {name_some(points, SHOWN)}"
    for note in stage.notes:
        yield "note", note


def _impact(impact: Impact) -> str:
    """`100 → 60 of 100 (60.0 %), at worst 30`; one number where nothing changes."""
    changed = f"{impact.before} → " if impact.before != impact.after else ""
    told = f"{changed}{impact.after} of {impact.total} ({percent(impact.after, impact.total)})"
    worst = impact.worst < min(impact.before, impact.after)
    return f"{told}, at worst {impact.worst} meanwhile" if worst else told
