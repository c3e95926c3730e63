"""Goes through all versions in a store and says of each what it is. Reads only.

One object that cannot be read neither stops nor hides anything: it is a row with its reason, and
whoever claims that nothing is left has to account for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from remediations.systems.stores.envelope import Envelope, Flaw, parse
from remediations.systems.stores.outcomes import Outcome
from remediations.systems.stores.scope import ObjectVersion, Scope, ScopeEntry
from remediations.systems.stores.store import (
    Absent,
    Malformed,
    NotReachable,
    Store,
    StoreError,
    Version,
)


class Kind(StrEnum):
    """What a version is."""

    ENVELOPE = "envelope"
    FOREIGN = "foreign"
    """No envelope, and no trace of one."""
    DAMAGED = "damaged"
    UNREAD = "unread"
    """It is listed, and could not be read: nothing is known of it."""
    MARKER = "marker"
    """A delete marker: it has no bytes, and older versions may lie below it."""
    GONE = "gone"
    """It went between the listing and the reading."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A version and what it is. `sha256` is of its bytes, "" where none were read; `recipients` are
    fingerprints; `reason` is for people."""

    object: ObjectVersion
    is_live: bool
    kind: Kind
    sha256: str = ""
    recipients: tuple[str, ...] = ()
    flaw: Flaw | None = None
    reason: str = ""

    @property
    def is_accounted_for(self) -> bool:
        """Whether it is known to be sealed to somebody, or to be no envelope."""
        return self.kind not in (Kind.DAMAGED, Kind.UNREAD)


def survey(store: Store) -> Iterator[Seen]:
    """All versions, each once, in the order of the listing.

    Raises:
        StoreError: the listing itself failed, or the store is not reachable any more.
    """
    known: set[tuple[str, str]] = set()
    for row in store.versions():
        name = (row.key, row.version)
        if name not in known:
            known.add(name)
            yield _seen(store, row)


def _seen(store: Store, row: Version) -> Seen:
    named = ObjectVersion(store=store.name, key=row.key, version=row.version)
    if row.is_marker:
        return Seen(object=named, is_live=row.is_live, kind=Kind.MARKER)
    try:
        data = store.read(row.key, row.version).data
    except NotReachable:
        raise
    except Absent:
        return Seen(object=named, is_live=row.is_live, kind=Kind.GONE)
    except StoreError as error:
        return Seen(object=named, is_live=row.is_live, kind=Kind.UNREAD, reason=str(error))
    sha256 = hashlib.sha256(data).hexdigest()
    found = parse(data)
    if isinstance(found, Envelope):
        return Seen(
            object=named, is_live=row.is_live, kind=Kind.ENVELOPE, sha256=sha256,
            recipients=found.recipients,
        )  # fmt: skip
    foreign = found.outcome is Outcome.SKIPPED_FOREIGN
    return Seen(
        object=named, is_live=row.is_live, kind=Kind.FOREIGN if foreign else Kind.DAMAGED,
        sha256=sha256, flaw=found.flaw, reason=found.reason,
    )  # fmt: skip


def scope_of(seen: Iterable[Seen], fingerprints: Collection[str]) -> Scope:
    """The versions that name one of these recipients."""
    return Scope(
        ScopeEntry(object=one.object, sha256=one.sha256)
        for one in seen
        if one.kind is Kind.ENVELOPE and not set(fingerprints).isdisjoint(one.recipients)
    )


def listed_alike(store: Store) -> None:
    """List it twice, and do nothing where both are one set. Who leaves out a page once, or is
    written to, is found so; who always leaves out the same page is not.

    Raises:
        Malformed: the listings differ; the message has the numbers.
    """
    one, other = ({(row.key, row.version) for row in store.versions()} for _ in range(2))
    if one != other:
        raise Malformed(f"two listings differ in {len(one ^ other)} versions")


def read_back(store: Store, key: str, version: str, data: bytes) -> None:
    """Do nothing where what was written is there, live, byte for byte.

    Raises:
        Malformed: the store said that it was written, and it is not.
    """
    try:
        found = store.live(key)
    except Absent:
        raise Malformed("what was written is not there") from None
    if found.version != version or found.data != data:
        raise Malformed("what was written is not what is live")
