"""What changed in the parts of two observations, reading by reading. Pure, and knows no domain.

1. A part is walked as the tree that it is; nothing has to be installed that understands it.
2. A reading is compared by its value: when and with which command it was read is not a change. If
   it is unknown, why it is unknown is compared.
3. Records in a list belong together if one member identifies them: `host` or `name` for what the
   part is about, else the member whose values the two lists share most. Records that hold readings
   and have no such member (samples) are compared in order; other lists by what came and what went.
4. A change is *relied upon* if the evidence of a finding names its reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from remediations.engine.observe.observation import Observation
from remediations.render.formats import shorten
from remediations.values.record import Record

Tree = Any
"""A tree of canonical JSON, which has no narrower type."""

NAMES = ("host", "name")
"""Members that identify what a part is about; its readings are then named `hall.state`."""
WHEN = frozenset({"at", "source"})
"""Members that say when and how something was read."""
EMPTY = "(empty)"
VALUE_CHARACTERS = 160
ENTRIES = 4
"""How many entries of a list are named in a change of it."""


class ReadingChange(Record, frozen=True, kw_only=True):
    """One value that differs: `reading` is the path of its reading below `subject`, which is a host
    or another thing that the part is about, "" for the whole part; `field` is its path in there.

    `before` and `after` are texts, "" for a value that is not there. Of a list they have what went
    and what came.
    """

    part: str
    subject: str
    reading: str
    field: str
    before: str
    after: str
    relied_upon: bool


def changed_readings(
    before: Observation, after: Observation, relied_upon: Iterable[str]
) -> tuple[ReadingChange, ...]:
    """All differences between the parts, those of `relied_upon` (paths of evidence) first."""
    relied = frozenset(relied_upon)
    earlier = {part.kind: part.value for part in before.parts}
    later = {part.kind: part.value for part in after.parts}
    found = [
        ReadingChange(
            part=kind,
            subject=change.place.subject,
            reading=change.place.reading,
            field=change.place.field,
            before=change.before,
            after=change.after,
            relied_upon=change.place.is_in(relied),
        )
        for kind in dict.fromkeys((*later, *earlier))
        for change in _part(earlier.get(kind), later.get(kind))
    ]
    return tuple(sorted(found, key=lambda change: not change.relied_upon))


class _Place(NamedTuple):
    """Where a value is: what it is about, its reading, and the path in there once `inside`."""

    subject: str = ""
    reading: str = ""
    field: str = ""
    inside: bool = False

    def member(self, name: str) -> _Place:
        path = self.field if self.inside else self.reading
        return self._at(f"{path}.{name}" if path else name)

    def entry(self, key: str) -> _Place:
        return self._at(f"{self.field if self.inside else self.reading}[{key}]")

    def _at(self, path: str) -> _Place:
        return self._replace(field=path) if self.inside else self._replace(reading=path)

    def is_in(self, relied: frozenset[str]) -> bool:
        """Whether evidence names this place, or one that it is in."""
        whole = ".".join(part for part in (self.subject, self.reading, self.field) if part)
        ends = [at for at, char in enumerate(whole) if char in ".["]
        return whole in relied or any(whole[:end] in relied for end in ends)


class _Change(NamedTuple):
    place: _Place
    before: str
    after: str


def _part(before: Tree, after: Tree) -> Iterator[_Change]:
    if before is None or after is None:
        yield _Change(_Place(), *("not read" if one is None else "read" for one in (before, after)))
    else:
        yield from _walk(_Place(), before, after)


def _walk(at: _Place, before: Tree, after: Tree) -> Iterator[_Change]:
    if before == after:
        return
    if _is_reading(before) or _is_reading(after):
        at = at._replace(inside=True)
        before, after = _value(before), _value(after)
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            if name not in WHEN:
                yield from _walk(at.member(name), before.get(name), after.get(name))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(at, before, after)
    elif isinstance(before, _Unread) or isinstance(after, _Unread):
        yield from _changed(at, *(_known_or_why(one) for one in (before, after)))
    else:
        yield from _changed(at, text_of(before), text_of(after))


def _changed(at: _Place, before: str, after: str) -> Iterator[_Change]:
    if before != after:
        yield _Change(at, before, after)


class _Unread(NamedTuple):
    """An unknown reading, as far as it is compared."""

    reason: str


def _is_reading(tree: Tree) -> bool:
    return isinstance(tree, dict) and tree.get("reading") in ("known", "unknown")


def _value(tree: Tree) -> Tree:
    """The value of a reading; anything else as it is."""
    if not _is_reading(tree):
        return tree
    return tree.get("value") if tree["reading"] == "known" else _Unread(str(tree.get("reason")))


def _known_or_why(value: Tree) -> str:
    """A value beside an unknown one. Of a record is only said that it is known: all of it is
    new."""
    return "known" if isinstance(value, dict | list) else text_of(value)


def _lists(at: _Place, before: list[Tree], after: list[Tree]) -> Iterator[_Change]:
    records = all(isinstance(entry, dict) for entry in (*before, *after))
    key = identifying_member(before, after) if records else None
    if key is not None:
        earlier, later = ({str(e[key]): e for e in entries} for entries in (before, after))
        about = not at.subject and key in NAMES
        for name in dict.fromkeys((*later, *earlier)):
            place = _Place(subject=name) if about else at.entry(name)
            if name in earlier and name in later:
                yield from _walk(place, earlier[name], later[name])
            elif about:
                yield _Change(place, *("there" if name in one else "" for one in (earlier, later)))
        if not about:
            yield from _came_and_went(at, list(earlier), list(later))
    elif records and any(map(_holds_readings, (*before, *after))):
        for number, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from _walk(at.entry(str(number)), one, other)
        yield from _came_and_went(at, before[len(after) :], after[len(before) :])
    else:
        yield from _came_and_went(at, list(map(text_of, before)), list(map(text_of, after)))


def _came_and_went(at: _Place, before: Sequence[Tree], after: Sequence[Tree]) -> Iterator[_Change]:
    earlier, later = (Counter(map(text_of, entries)) for entries in (before, after))
    went, came = _named(earlier - later), _named(later - earlier)
    if went or came:
        yield _Change(at, went, came)
    elif before != after:
        yield _Change(at, "an order", "another order")


def _named(entries: Counter[str]) -> str:
    names = list(entries.elements())
    shown = ", ".join(shorten(name, VALUE_CHARACTERS // 2) for name in names[:ENTRIES])
    more = len(names) - ENTRIES
    return f"{shown} and {more} more" if more > 0 else shown


def _holds_readings(record: Mapping[str, Tree]) -> bool:
    return any(map(_is_reading, record.values()))


def identifying_member(before: Sequence[Tree], after: Sequence[Tree]) -> str | None:
    """The member by which records of two lists belong together; None if no member is a text that is
    different in every record of a list, or the lists share none of its values."""
    every = [*before, *after]
    if not every:
        return None
    members = [m for m in every[0] if m not in WHEN and all(m in record for record in every)]
    ranks = []
    for member in members:
        earlier, later = ([record[member] for record in one] for one in (before, after))
        if not all(isinstance(value, str) for value in (*earlier, *later)):
            continue
        if len(set(earlier)) < len(earlier) or len(set(later)) < len(later):
            continue
        if member in NAMES:
            return str(member)
        shared = len(set(earlier) & set(later))
        if shared:
            ranks.append((-shared, sum(map(len, (*earlier, *later))), str(member)))
    return min(ranks)[2] if ranks else None


def text_of(value: Tree) -> str:
    """A value as one short text."""
    return shorten(_text(_value(value)), VALUE_CHARACTERS)


def _text(value: Tree) -> str:
    if value is None:
        return ""
    if isinstance(value, _Unread):
        return f"unknown: {value.reason}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        named = ((name, _text(_value(one))) for name, one in value.items() if name not in WHEN)
        return ", ".join(f"{name} {text}" for name, text in named if text) or EMPTY
    if isinstance(value, list):
        more = ["…"] if value[ENTRIES:] else []
        return ", ".join([*map(text_of, value[:ENTRIES]), *more]) or EMPTY
    return str(value) or EMPTY
