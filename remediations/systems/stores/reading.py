"""What is read of stores: how many versions of what, sealed to whom, below which root."""

from __future__ import annotations

from typing import ClassVar

from remediations.values.part import Kinded
from remediations.values.reading import Reading
from remediations.values.record import Record


class KeyCount(Record, frozen=True, kw_only=True):
    """How many envelopes name a key: those that readers get, and former or deleted ones."""

    fingerprint: str
    live: int
    former: int


class StoreSurvey(Record, frozen=True, kw_only=True):
    """A store that was gone through to its end. `root` is that over its envelopes (docs/stores.md),
    `damaged` and `unread` may be envelopes; `several` counts those whose content is under a data
    key, or under the constant that stands for one."""

    versions: int
    envelopes: int
    several: int
    foreign: int
    damaged: int
    unread: int
    markers: int
    root: str
    keys: tuple[KeyCount, ...]


class StoreReading(Record, frozen=True, kw_only=True):
    """One store of the inventory."""

    store: str
    survey: Reading[StoreSurvey]


class StoresReading(Kinded, frozen=True, kw_only=True):
    """All of them, in the inventory's order."""

    KIND: ClassVar[str] = "stores.reading/1"

    stores: tuple[StoreReading, ...]
