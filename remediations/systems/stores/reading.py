"""What is read of stores: how many versions of what, sealed to whom, below which root."""

from __future__ import annotations

from typing import ClassVar

from remediations.systems.stores.inventory import PlaceRules
from remediations.systems.stores.reencrypt_section import Several
from remediations.values.part import Kinded
from remediations.values.reading import Reading, value_or_none
from remediations.values.record import Record


class KeyCount(Record, frozen=True, kw_only=True):
    """The envelopes that name a key: how many readers get, how many are former or deleted ones, how
    many of all these are for several, and the root over them (docs/stores.md#scope)."""

    fingerprint: str
    live: int
    former: int
    several: int
    root: str

    @property
    def count(self) -> int:
        """All of them."""
        return self.live + self.former


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

    def key(self, fingerprint: str) -> KeyCount | None:
        """What names a key, None if nothing does."""
        return next((one for one in self.keys if one.fingerprint == fingerprint), None)


class StoreReading(Record, frozen=True, kw_only=True):
    """One store of the inventory. `place` is where it is, and what people decided for it, in the
    form of `inventory.place_text`; `rules` is that decision. `is_locked`: nothing there can be
    sealed anew from here."""

    store: str
    place: str
    rules: PlaceRules
    is_locked: bool = False
    survey: Reading[StoreSurvey]

    @property
    def target(self) -> str:
        """Its name in plans: no host can be called so."""
        return f"store/{self.store}"


class Beside(Record, frozen=True, kw_only=True):
    """What a server has beside the declared places, by name: nobody has looked into it."""

    server: str
    places: Reading[tuple[str, ...]]


class KeyFileReading(Record, frozen=True, kw_only=True):
    """A file with a private key, and the fingerprint of its public half."""

    name: str
    file: str
    backup: str | None
    fingerprint: Reading[str]


class ReencryptReading(Record, frozen=True, kw_only=True):
    """What sealing anew needs here. `here` is the name of the machine that looked, `flaw` why its
    directory is not used, "" if it is, `running` the jobs that go on there, `limits` the rates and
    the share of the processor, in words."""

    machine: str
    here: str
    flaw: str
    running: tuple[str, ...]
    several: Several
    limits: str
    keys: tuple[KeyFileReading, ...]

    def key(self, fingerprint: str) -> KeyFileReading | None:
        """The file with the private half of a key, None if none of those that were read has it."""
        those = (one for one in self.keys if value_or_none(one.fingerprint) == fingerprint)
        return next(those, None)


class StoresReading(Kinded, frozen=True, kw_only=True):
    """All of them, in the inventory's order; what lies `beside` them on their servers; `reencrypt`
    is None where nobody seals anew here."""

    KIND: ClassVar[str] = "stores.reading/1"

    stores: tuple[StoreReading, ...]
    reencrypt: ReencryptReading | None = None
    beside: tuple[Beside, ...] = ()
