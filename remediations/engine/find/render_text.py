"""Renders a Finding for a terminal: what, since when, why, how sure, what next; on one screen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from rich.console import RenderableType
from rich.text import Text

from remediations.engine.find.finding import (
    Evidence,
    Finding,
    FindingTable,
    Health,
    Subject,
)
from remediations.render.console import (
    BAD,
    DIM,
    DOUBT,
    GOOD,
    STRONG,
    Inline,
    columns,
    draw,
    heading,
    labelled_rows,
    styled_text,
    text_line,
)
from remediations.render.formats import count_of, name_some, short_digest
from remediations.render.printable import Exact

SHOWN_IN_FULL = 12
"""Up to this number each subject has a line; beyond, healthy ones are only counted, and many with
the same trouble share a line."""
TOGETHER = 4
HASH = re.compile(r"\b[0-9A-Fa-f]{40,}\b")
"""Hashes, which people compare by their first digits."""
STYLE: Mapping[Health, str] = MappingProxyType(
    {Health.WELL: GOOD, Health.UNKNOWN: DOUBT, Health.DEGRADED: BAD, Health.DOWN: BAD}
)


def finding_text(
    finding: Finding,
    *,
    width: int,
    colour: bool,
    verbose: bool = False,
    explained_by: Sequence[str] = (),
    notes: Sequence[tuple[str, str]] = (),
) -> str:
    """The finding as text; `explained_by` names the domains that explain it, `notes` are rows of
    what is known beside the observation: its age, and what was tried before."""
    parts = [verdict_line(finding), _answer(finding, explained_by, notes)]
    parts += [*_subjects(finding), *_by_hand(finding)]
    for table in finding.tables:
        parts += _table(table)
    if verbose:
        parts += _evidence(finding)
    parts += [heading("next"), text_line(finding.next_step, STRONG)]
    return draw(parts, width=width, colour=colour)


def verdict_line(finding: Finding) -> Text:
    """One line: the class, and what it means for the whole."""
    return styled_text((finding.verdict.upper(), STYLE[finding.health]), f": {finding.headline}")


def _answer(
    finding: Finding, explained_by: Sequence[str], notes: Sequence[tuple[str, str]]
) -> RenderableType:
    rows: list[tuple[str, Inline]] = [("why", finding.explanation)]
    if explained_by:
        rows.append(("explained by", f"{name_some(list(explained_by))}, above: resolve that first"))
    if finding.causes:
        rows.append(("causes", f"the trouble of {name_some(list(finding.causes))}, if it has any"))
    for row in finding.rows:
        styled = row.text if row.health is None else styled_text((row.text, STYLE[row.health]))
        rows.append((row.title, styled))
    rows += notes
    return labelled_rows(rows)


def _subjects(finding: Finding) -> list[RenderableType]:
    if not finding.subjects:
        return []
    groups = [[subject] for subject in finding.subjects]
    tail: list[RenderableType] = []
    if len(groups) > SHOWN_IN_FULL:
        groups = _alike([s for s in finding.subjects if s.health is not Health.WELL])
        well = len(finding.subjects) - sum(len(group) for group in groups)
        tail = [text_line(f"and {count_of(well, finding.noun)} in good order", DIM)] if well else []
    weighed = (finding.measure,) if finding.measure else ()
    header = (finding.noun, *weighed, "condition", "cause")
    rows = [_row(group, finding) for group in groups]
    return [heading(f"{finding.noun}s"), columns(header, rows), *tail]


def _alike(subjects: Sequence[Subject]) -> list[list[Subject]]:
    """Groups of subjects with the same condition and cause, if there are many."""
    groups: dict[tuple[str, str], list[Subject]] = {}
    for subject in subjects:
        groups.setdefault((subject.condition, subject.cause), []).append(subject)
    return [
        part
        for group in groups.values()
        for part in ([group] if len(group) >= TOGETHER else [[one] for one in group])
    ]


def _row(group: Sequence[Subject], finding: Finding) -> tuple[Inline, ...]:
    first = group[0]
    name, cause = Exact(first.name), first.cause
    if len(group) > 1:
        name = Exact(count_of(len(group), finding.noun))
        cause = f"{cause}: {', '.join(subject.name for subject in group)}"
    weight = sum(subject.weight or 0 for subject in group)
    weighed = (str(weight) if weight else "–",) if finding.measure else ()
    return (name, *weighed, text_line(first.condition, STYLE[first.health]), cause)


def _by_hand(finding: Finding) -> list[RenderableType]:
    """What people have to do; each advice is given once."""
    advice: dict[str, list[str]] = {}
    for subject in finding.subjects:
        if subject.by_hand:
            advice.setdefault(subject.by_hand, []).append(subject.name)
    if not advice:
        return []
    return [
        heading("by hand"),
        *(text_line(f"{name_some(h)}: {what}") for what, h in advice.items()),
    ]


def _table(table: FindingTable) -> list[RenderableType]:
    rows = [tuple(Exact(HASH.sub(_shortened, cell)) for cell in row) for row in table.rows]
    return [heading(table.title), columns(table.columns, rows)]


def _shortened(match: re.Match[str]) -> str:
    return short_digest(match[0])


def _evidence(finding: Finding) -> list[RenderableType]:
    every: list[Evidence] = [*finding.evidence]
    every += [one for subject in finding.subjects for one in subject.evidence]
    return [
        heading("readings relied upon"),
        columns(
            ("reading", "at", "says"),
            [(Exact(e.reading), f"{e.at:%H:%M:%S}", f"{e.says} ({e.source})") for e in every],
        ),
    ]
