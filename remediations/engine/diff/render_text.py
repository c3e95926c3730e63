"""Renders the difference between two observations for a terminal, deciding things first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rich.console import RenderableType

from remediations.engine.diff.conclusions import ConcludedState, DomainChange, SubjectChange
from remediations.engine.diff.difference import ObservationDiff
from remediations.engine.diff.readings import ReadingChange
from remediations.engine.find.finding import Health
from remediations.engine.find.render_text import STYLE
from remediations.render.console import (
    DIM,
    DOUBT,
    GOOD,
    Inline,
    columns,
    draw,
    heading,
    labelled_rows,
    styled_text,
    text_line,
)
from remediations.render.formats import (
    count_of,
    format_duration,
    format_moment,
    name_some,
    short_digest,
)
from remediations.render.printable import Exact

_HASH = re.compile(r"\b[0-9A-Fa-f]{32,}\b")
"""Hashes and ids, which people compare by their first digits."""

ROWS = 15
"""The most rows of a table, unless everything is asked for."""
ALIKE = 3
"""From this number on, things that read differently on each host share a row."""
NOTHING = "–"
"""Shown in place of a value that is not there."""
ARROW = "→"


def diff_text(
    diff: ObservationDiff,
    names: tuple[str, str],
    *,
    width: int,
    colour: bool,
    verbose: bool = False,
) -> str:
    """The difference as text. `names` are those of the two files; `verbose` folds nothing."""
    limit = None if verbose else ROWS
    parts = [_headline(diff), _looks(diff, names)]
    parts += [text_line(f"note: {note}", DOUBT) for note in diff.notes]
    for domain in diff.domains:
        parts += _domain(domain, limit)
    if diff.logins:
        rows = [(Exact(one.host), one.before, f"{ARROW} {one.after}") for one in diff.logins]
        parts += [heading("where names lead"), columns(("host", "before", "after"), rows)]
    parts += _relied_upon([one for one in diff.readings if one.relied_upon], limit)
    parts += _describing([one for one in diff.readings if not one.relied_upon], limit)
    return draw(parts, width=width, colour=colour)


def _headline(diff: ObservationDiff) -> RenderableType:
    if diff.decides:
        said = [_said_of(domain) for domain in diff.domains if domain.decides]
        moved = [one.host for one in diff.logins]
        said += [f"where {name_some(moved)} {'lead' if moved[1:] else 'leads'}"] if moved else []
        return styled_text(("CHANGED", STYLE[Health.DEGRADED]), f": {'; '.join(said)}")
    if not diff.domains:
        return styled_text(("SAME", DOUBT), ": no installed domain has anything in either of them")
    if diff.readings:
        return styled_text(("SAME", GOOD), ": nothing that decides has changed")
    return styled_text(("SAME", GOOD), ": nothing has changed")


def _said_of(domain: DomainChange) -> str:
    said = [count_of(len(domain.subjects), domain.noun)] if domain.subjects else []
    if domain.state_changed:
        before, after = (
            state.verdict.upper() if state else "nothing" for state in (domain.before, domain.after)
        )
        said.insert(0, f"{before} {ARROW} {after}")
    return f"{domain.domain}: {', '.join(said)}"


def _looks(diff: ObservationDiff, names: tuple[str, str]) -> RenderableType:
    apart = diff.after.ended - diff.before.ended
    later = f", {format_duration(abs(apart))} {'later' if apart.total_seconds() >= 0 else 'before'}"
    return labelled_rows(
        [
            ("before", f"{names[0]}, {format_moment(diff.before.ended)}"),
            ("after", f"{names[1]}, {format_moment(diff.after.ended)}{later}"),
        ]
    )


def _domain(domain: DomainChange, limit: int | None) -> Iterator[RenderableType]:
    yield heading(domain.domain)
    rows: list[tuple[Inline, Inline]] = [
        (label, _state(state))
        for label, state in (("was", domain.before), ("is", domain.after))
        if domain.state_changed or label == "is"
    ]
    rows += [(row.title, _arrow(row.before, row.after)) for row in domain.rows]
    yield labelled_rows(rows)
    if domain.subjects:
        weighed = (domain.measure,) if domain.measure else ()
        table = [_subject_row(group, domain) for group in _alike_subjects(domain.subjects)]
        yield from _table((domain.noun, *weighed, "was", "is", "cause"), table, limit)
    if domain.unchanged:
        yield text_line(f"{count_of(domain.unchanged, domain.noun)} as before", DIM)


def _state(state: ConcludedState | None) -> Inline:
    if state is None:
        return text_line("not concerned: the observation has nothing of it", DIM)
    return styled_text((state.verdict.upper(), STYLE[state.health]), f": {state.headline}")


def _arrow(before: str, after: str) -> str:
    return f"{before or NOTHING} {ARROW} {after or NOTHING}"


def _alike_subjects(changes: Iterable[SubjectChange]) -> list[list[SubjectChange]]:
    """Groups of subjects that changed in the same way, for the same cause."""
    groups: dict[tuple[object, object], list[SubjectChange]] = {}
    for change in changes:
        before = change.before and (change.before.condition, change.before.health)
        groups.setdefault((before, change.after), []).append(change)
    return list(groups.values())


def _subject_row(group: Sequence[SubjectChange], domain: DomainChange) -> tuple[Inline, ...]:
    first = group[0]
    name: Inline = Exact(first.name)
    cause = first.after.cause if first.after else "the second observation does not have it"
    if len(group) > 1:
        name = count_of(len(group), domain.noun)
        cause = f"{cause or NOTHING}: {name_some([change.name for change in group])}"
    weight = sum(change.weight or 0 for change in group)
    weighed = (str(weight) if weight else NOTHING,) if domain.measure else ()
    states = [
        NOTHING if state is None else text_line(state.condition, STYLE[state.health])
        for state in (first.before, first.after)
    ]
    return (name, *weighed, *states, cause)


def _relied_upon(changes: Sequence[ReadingChange], limit: int | None) -> Iterator[RenderableType]:
    """What the conclusions rest on, field by field."""
    if changes:
        yield heading("readings relied upon")
        groups = list(_alike(changes)) if limit else [[change] for change in changes]
        yield from _table(READING, map(_reading_row, groups), limit)


def _describing(changes: Sequence[ReadingChange], limit: int | None) -> Iterator[RenderableType]:
    """What no conclusion rests on: a line for each reading, whatever changed in it."""
    if not changes:
        return
    yield heading("what only describes")
    if limit is None:
        yield from _table(READING, [_reading_row([change]) for change in changes], limit)
        return
    readings: dict[tuple[str, str], list[ReadingChange]] = {}
    for change in changes:
        readings.setdefault((change.part, change.reading), []).append(change)
    yield from _table(READING, map(_summary_row, readings.values()), limit)


READING = ("reading", "of", "change")


def _alike(changes: Sequence[ReadingChange]) -> Iterator[list[ReadingChange]]:
    """Groups of changes that share a row: equal ones, then those of one field on many hosts."""
    fields: dict[tuple[str, str, str], list[ReadingChange]] = {}
    for change in changes:
        fields.setdefault((change.part, change.reading, change.field), []).append(change)
    for group in fields.values():
        equal: dict[tuple[str, str], list[ReadingChange]] = {}
        for change in group:
            equal.setdefault((change.before, change.after), []).append(change)
        if len(equal) > ALIKE:
            yield group
        else:
            yield from equal.values()


def _reading_row(group: Sequence[ReadingChange]) -> tuple[Inline, ...]:
    first = group[0]
    what = _arrow(first.before, first.after)
    if len({(change.before, change.after) for change in group}) > 1:
        what = f"each its own, such as {first.subject}: {what}"
    return (Exact(_short(_path(first))), _subjects(group), _short(what))


def _summary_row(group: Sequence[ReadingChange]) -> tuple[Inline, ...]:
    first = group[0]
    what = _arrow(first.before, first.after)
    if len(group) > 1:
        field = f"{first.field}: " if first.field else ""
        what = f"{count_of(len(group), 'change')}, such as {field}{what}"
    elif first.field:
        what = f"{first.field}: {what}"
    return (Exact(_short(first.reading or first.part)), _subjects(group), _short(what))


def _path(change: ReadingChange) -> str:
    dot = "." if change.reading and change.field and not change.field.startswith("[") else ""
    return f"{change.reading}{dot}{change.field}" or change.part


def _subjects(group: Sequence[ReadingChange]) -> str:
    return name_some(tuple(dict.fromkeys(c.subject for c in group if c.subject)), ALIKE) or NOTHING


def _short(text: str) -> str:
    return _HASH.sub(lambda match: short_digest(match[0]), text)


def _table(
    header: Sequence[str], rows: Iterable[Sequence[Inline]], limit: int | None
) -> Iterator[RenderableType]:
    every = list(rows)
    yield columns(header, every[:limit])
    more = len(every) - len(every[:limit])
    if more:
        yield text_line(f"and {count_of(more, 'row')} more: --verbose shows all", DIM)
