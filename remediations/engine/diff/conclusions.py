"""What changed from one set of conclusions to another: classes first, then subjects. Pure.

A change is of the class, of the health, or of a subject's condition. Sentences are not compared:
they hold numbers and times, which always go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from remediations.engine.find.conclude import Conclusion
from remediations.engine.find.finding import Finding, Health, Subject
from remediations.values.record import Record


class ConcludedState(Record, frozen=True, kw_only=True):
    """What a domain concluded of the whole, by the names of a finding."""

    verdict: str
    health: Health
    headline: str


class SubjectState(Record, frozen=True, kw_only=True):
    """What a domain concluded of one subject."""

    condition: str
    health: Health
    cause: str


class SubjectChange(Record, frozen=True, kw_only=True):
    """A subject whose condition or health changed. `before` or `after` is None where the finding
    does not have the subject; `weight` is the later one that is known, None if none is."""

    name: str
    weight: int | None
    before: SubjectState | None
    after: SubjectState | None


class RowChange(Record, frozen=True, kw_only=True):
    """A line of the first screen that says something else now; "" where it is missing."""

    title: str
    before: str
    after: str


class DomainChange(Record, frozen=True, kw_only=True):
    """What one domain concluded before and after, None where the observation does not concern it.

    `subjects` are those that changed, in the order of the later finding; `unchanged` is the number
    of the others, `noun` what one is called.
    """

    domain: str
    before: ConcludedState | None
    after: ConcludedState | None
    noun: str
    measure: str
    subjects: tuple[SubjectChange, ...]
    unchanged: int
    rows: tuple[RowChange, ...]

    @property
    def state_changed(self) -> bool:
        """Whether the class or the health is a different one."""
        return _essence(self.before) != _essence(self.after)

    @property
    def decides(self) -> bool:
        """Whether the class, the health, or the condition of a subject is a different one."""
        return self.state_changed or bool(self.subjects)


def changed_conclusions(
    before: Sequence[Conclusion], after: Sequence[Conclusion]
) -> tuple[DomainChange, ...]:
    """One entry for each domain that concluded anything, in the order of the later conclusions."""
    earlier = {one.name: one.finding for one in before}
    later = {one.name: one.finding for one in after}
    names = dict.fromkeys((*later, *earlier))
    return tuple(_domain(name, earlier.get(name), later.get(name)) for name in names)


def _domain(name: str, before: Finding | None, after: Finding | None) -> DomainChange:
    shown = after or before
    subjects = _Subjects.of(before, after)
    changed = tuple(change for change in map(subjects.change, subjects.names) if change is not None)
    return DomainChange(
        domain=name,
        before=_state(before),
        after=_state(after),
        noun=shown.noun if shown else "",
        measure=shown.measure if shown else "",
        subjects=changed,
        unchanged=len(subjects.names) - len(changed),
        rows=_rows(before, after),
    )


class _Subjects(NamedTuple):
    """The subjects of two findings by name."""

    earlier: dict[str, Subject]
    later: dict[str, Subject]

    @classmethod
    def of(cls, before: Finding | None, after: Finding | None) -> _Subjects:
        """Those of the two findings, either of which may be missing."""
        both = [
            {subject.name: subject for subject in (finding.subjects if finding else ())}
            for finding in (before, after)
        ]
        return cls(*both)

    @property
    def names(self) -> tuple[str, ...]:
        """In the order of the later finding; those that are gone come last."""
        return tuple(dict.fromkeys((*self.later, *self.earlier)))

    def change(self, name: str) -> SubjectChange | None:
        """How one of them changed; None if it did not."""
        before, after = self.earlier.get(name), self.later.get(name)
        if before and after and _condition(before) == _condition(after):
            return None
        weights = [one.weight for one in (after, before) if one and one.weight is not None]
        return SubjectChange(
            name=name,
            weight=weights[0] if weights else None,
            before=_subject_state(before),
            after=_subject_state(after),
        )


def _condition(subject: Subject) -> tuple[str, Health]:
    return subject.condition, subject.health


def _subject_state(subject: Subject | None) -> SubjectState | None:
    if subject is None:
        return None
    return SubjectState(condition=subject.condition, health=subject.health, cause=subject.cause)


def _state(finding: Finding | None) -> ConcludedState | None:
    if finding is None:
        return None
    return ConcludedState(verdict=finding.verdict, health=finding.health, headline=finding.headline)


def _essence(state: ConcludedState | None) -> tuple[str, Health] | None:
    return None if state is None else (state.verdict, state.health)


def _rows(before: Finding | None, after: Finding | None) -> tuple[RowChange, ...]:
    if before is None or after is None:
        return ()
    earlier, later = ({row.title: row.text for row in one.rows} for one in (before, after))
    return tuple(
        RowChange(title=title, before=earlier.get(title, ""), after=later.get(title, ""))
        for title in dict.fromkeys((*later, *earlier))
        if earlier.get(title) != later.get(title)
    )
