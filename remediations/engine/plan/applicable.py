"""Whether a plan could be applied at all: where it could not, its first line says so."""

from __future__ import annotations

from datetime import datetime

from remediations.engine.plan.plan import Plan
from remediations.render.document import Document, Heading, Notice
from remediations.render.formats import count_of, format_moment, name_some

SHOWN = 4


def why_not(plan: Plan, now: datetime | None = None, applied: datetime | None = None) -> str:
    """Why nobody can apply the plan; "" if it only needs to be approved. Guards decide, then the
    run's own record (`applied`: when it was begun), then the time `now`. Both are None where they
    are not known: a text that is written to be read later does not know when that will be."""
    if plan.blocked:
        ids = name_some(list(dict.fromkeys(guard.id for guard in plan.blocked)), SHOWN)
        refuse = "refuses" if len(plan.blocked) == 1 else "refuse"
        guards = count_of(len(plan.blocked), "guard")
        return f"{guards} of {len(plan.guards)} {refuse} it: {ids}"
    if applied is not None:
        return f"it was applied {format_moment(applied)}, and a plan is applied once"
    if now is not None and now >= plan.expires_at:
        return f"it has expired: it was valid until {format_moment(plan.expires_at)}"
    return ""


def first_line(why: str) -> Document:
    """What a document of such a plan begins with; nothing where it could be applied."""
    return (Notice(f"this cannot be applied: {why}"),) if why else ()


def without_title(document: Document) -> Document:
    """The document of a plan as a part of another one, which has a title of its own."""
    return tuple(
        block for block in document if not (isinstance(block, Heading) and block.level == 1)
    )
