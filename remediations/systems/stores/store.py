"""What every store can do, whatever it is: the protocol of the adapters, and its errors.

1. `versions` lists *all* versions, delete markers included. It may name one twice (some servers
   repeat the last row of a page); whoever counts takes a set of (key, version).
2. `read` is bounded, and gives the bytes with a token that stands for exactly these bytes.
3. `replace` is compare-and-swap: it writes only where the live version is the one that was read.
   Otherwise it raises `Changed`, and what the other writer wrote stays.
4. `retire` removes one version by its id, never the live one, and never "the object": deleting by
   key leaves a marker, with the old bytes readable below it.
5. `probe` finds out with a scratch key what this store really does. Conditional writes are young,
   and servers exist that answer 200 to a condition that they ignore. What it finds is for the plan.
6. After `NoAnswer` a write may have happened. It is not repeated before the object was read again.
7. Nothing that a store says is trusted to be complete: what was listed is compared with a second
   listing, and what was written is read back.

Adapters block; a caller that has an event loop runs them in a thread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from remediations.values.part import Kinded

MAX_OBJECT = 16 * 1024 * 1024
"""Bytes of an object that are read."""
MAX_VERSIONS = 5_000_000
"""Versions that are listed; more is an error, never a list that ends early."""


class StoreError(Exception):
    """Something could not be done; the message is for people and quotes no object.

    ├── NotReachable   nothing was done: there is no connection
    ├── NoAnswer       a write may have happened, or not: read again
    ├── NoSpace        it has no room: nothing was written
    ├── Denied         a right that is missing
    │   └── AllDenied  whatever is asked: credentials, a clock that breaks signatures, read-only
    ├── Changed        another writer was first; what it wrote is there
    ├── Absent         there is no such version
    ├── Locked         the store keeps this version, until a date or a person lets it go
    ├── LiveVersion    it would remove what readers read
    ├── TooLarge       the object, or the listing, is larger than the limit
    └── Malformed      the store answered what no such store answers
    """


class NotReachable(StoreError):
    """There is no connection: nothing was done."""


class NoAnswer(StoreError):
    """The connection was lost, or the time limit passed, while something may have been done."""


class Denied(StoreError):
    """The credentials do not have the right."""


class AllDenied(Denied):
    """The store refuses whatever these credentials ask, or whatever writes: no object is at fault,
    and asking for the next one is of no use."""


class NoSpace(StoreError):
    """The store has no room. Nothing was written."""


class Changed(StoreError):
    """The live version is not the one that was read. Nothing was written."""


class Absent(StoreError):
    """There is no such object or version."""


class Locked(StoreError):
    """The version may not be removed, until a date or until a legal hold is lifted."""


class LiveVersion(StoreError):
    """What was to be retired is what readers get. Nothing was removed."""


class TooLarge(StoreError):
    """More bytes, or more versions, than the limit."""


class Malformed(StoreError):
    """An answer that contradicts itself, or is none of this kind of store."""


@dataclass(frozen=True, order=True, kw_only=True)
class Version:
    """One row of a listing. A delete marker has no bytes. `written` is what the store says."""

    key: str
    version: str
    is_live: bool
    is_marker: bool = False
    size: int = 0
    written: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The bytes of one version; `token` is what `replace` compares."""

    key: str
    version: str
    token: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Of the bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()


class Abilities(Kinded, frozen=True, kw_only=True):
    """What a store was seen to do.

    `refuses_wrong_existing` and `refuses_wrong_absent`: a write under a wrong condition is refused,
    on a key that is there and on one that is not. `keeps_versions`: what is overwritten stays
    readable until it is retired. `shows_all`: a listing has every object (row-level security,
    for one, hides some without a word). `lacks` says in sentences what is missing.
    """

    KIND: ClassVar[str] = "stores.abilities/1"

    store: str
    writable: bool
    refuses_wrong_existing: bool
    refuses_wrong_absent: bool
    keeps_versions: bool
    shows_all: bool
    lacks: tuple[str, ...]

    @property
    def is_conditional(self) -> bool:
        """Whether compare-and-swap can be relied upon."""
        return self.writable and self.refuses_wrong_existing and self.refuses_wrong_absent


class Store(Protocol):
    """An adapter. Each method raises one of the errors above."""

    @property
    def name(self) -> str:
        """As the inventory calls it."""
        ...

    def versions(self) -> Iterator[Version]:
        """All versions of all objects, in any order."""
        ...

    def live(self, key: str) -> Stored:
        """The version that readers get.

        Raises:
            Absent: there is none.
        """
        ...

    def read(self, key: str, version: str) -> Stored:
        """One version.

        Raises:
            Absent: there is none of that id.
        """
        ...

    def replace(self, former: Stored, data: bytes) -> str:
        """Write `data` where `former` is live; the id of the new version.

        Raises:
            Changed: another version is live.
            NoAnswer: it may have been written.
        """
        ...

    def retire(self, key: str, version: str) -> None:
        """Remove a version that is not live; one that is gone is no error.

        Raises:
            LiveVersion: it is live.
            Locked: the store does not let it go.
        """
        ...

    def close(self) -> None:
        """End connections; the next call opens others."""
        ...

    def probe(self) -> Abilities:
        """What the store does, seen on a scratch key, which is removed again."""
        ...
