"""A store that is read and written no faster than the inventory allows.

What counts are the bytes of objects in both directions, also those that are only looked at: a job
reads each version several times, and readers of a busy store wait for the one link that there is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from remediations.systems.stores.store import Abilities, Store, Stored, Version

_MIB = 1024 * 1024


class PacedStore:
    """The same store; before it reads it waits until the rate is kept, by `wait`, which is given
    seconds. Never between a reading and the write that compares with it. A rate of 0 is none."""

    def __init__(self, store: Store, mebibytes_per_s: int, wait: Callable[[float], None]) -> None:
        self._store, self._rate, self._wait = store, mebibytes_per_s * _MIB, wait
        self._began, self.moved = time.monotonic(), 0

    @property
    def name(self) -> str:
        """As the inventory calls it."""
        return self._store.name

    def versions(self) -> Iterator[Version]:
        """A listing has no objects, and is not held back."""
        return self._store.versions()

    def live(self, key: str) -> Stored:
        """The version that readers get."""
        self._hold()
        return self._counted(self._store.live(key))

    def read(self, key: str, version: str) -> Stored:
        """One version."""
        self._hold()
        return self._counted(self._store.read(key, version))

    def replace(self, former: Stored, data: bytes) -> str:
        """Counted, and not held back."""
        self.moved += len(data)
        return self._store.replace(former, data)

    def retire(self, key: str, version: str) -> None:
        """Nothing is moved."""
        self._store.retire(key, version)

    def close(self) -> None:
        """End connections; the next call opens others."""
        self._store.close()

    def probe(self) -> Abilities:
        """What the store does."""
        return self._store.probe()

    def _counted(self, stored: Stored) -> Stored:
        self.moved += len(stored.data)
        return stored

    def _hold(self) -> None:
        if self._rate:
            self._wait(self.moved / self._rate - (time.monotonic() - self._began))
