"""Draws in what two plans differ."""

from __future__ import annotations

from remediations.engine.plan.change import PlanChange, PlanDiff, PlanName
from remediations.render.formats import count_of, format_moment
from remediations.render.printable import ascii_line, one_line

FOLDED = 40
"""How many differences are shown, unless all are asked for."""


def plan_diff_text(diff: PlanDiff, *, verbose: bool) -> str:
    """The difference: first whether there is one for whoever has read the other plan."""
    if diff.before.digest == diff.after.digest:
        said = "the same plan, byte for byte"
    elif diff.same_change:
        said = "the same change: nothing but the times, and words that only describe"
    else:
        said = f"another change: {count_of(len(diff.changes), 'difference')}"
    shown = diff.changes if verbose else diff.changes[:FOLDED]
    lines = [said, *_named("before", diff.before), *_named("after", diff.after)]
    lines += [_row(change) for change in shown]
    left = len(diff.changes) - len(shown)
    lines += [f"  and {left} more, with --verbose"] if left else []
    return "\n".join(lines)


def _named(label: str, plan: PlanName) -> list[str]:
    return [
        f"{label:<9} {one_line(plan.title)}",
        f"{'':<9} observed {format_moment(plan.observed_at)}, expires "
        f"{format_moment(plan.expires_at)}",
        f"{'':<9} digest {ascii_line(plan.digest)}",
        f"{'':<9} change {ascii_line(plan.change)}",
    ]


def _row(change: PlanChange) -> str:
    before, after = (one_line(text) or "nothing" for text in (change.before, change.after))
    return f"  {ascii_line(change.path)}: {before} → {after}"
