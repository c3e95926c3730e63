"""A store that lies, around one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from remediations.systems.stores.store import Abilities, Denied, Store, Stored, Version


@dataclass
class LyingStore:
    """Loses writes after it confirmed them; leaves keys out of a listing, by turns; repeats rows;
    does not let some keys be read."""

    true: Store
    loses_writes: bool = False
    leaves_out: dict[str, int] = field(default_factory=dict)
    """Keys, and the listing (from 1) in which they are missing."""
    denied: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    listings: int = 0

    @property
    def name(self) -> str:
        return self.true.name

    def versions(self) -> Iterator[Version]:
        self.listings += 1
        number = self.listings
        for row in self.true.versions():
            if self.leaves_out.get(row.key) != number:
                yield row
                yield row

    def close(self) -> None:
        self.true.close()

    def live(self, key: str) -> Stored:
        return self.true.live(key)

    def read(self, key: str, version: str) -> Stored:
        if key in self.denied:
            raise Denied("the credentials do not have the right")
        return self.true.read(key, version + "0" if key in self.vanished else version)

    def replace(self, former: Stored, data: bytes) -> str:
        return former.version if self.loses_writes else self.true.replace(former, data)

    def retire(self, key: str, version: str) -> None:
        self.true.retire(key, version)

    def probe(self) -> Abilities:
        return self.true.probe()
