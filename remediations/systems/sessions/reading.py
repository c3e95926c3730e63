"""What is read of items: how each stands by its own probe, and whether its files can be used."""

from __future__ import annotations

from typing import ClassVar

from remediations.systems.sessions.inventory import Item
from remediations.values.part import Kinded
from remediations.values.reading import Reading, Unknown
from remediations.values.record import Record


class ProbeAnswer(Record, frozen=True, kw_only=True):
    """What a probe told. `not_before` is a time in seconds since 1970, of which whoever asks says
    how late it has to be; 0 where the probe judges by itself, in `holds`. `seen` is for people."""

    holds: bool
    not_before: int
    seen: str

    def is_done(self, since: int) -> bool:
        """Whether it is done, where nothing from before `since` (seconds since 1970) may count."""
        return self.not_before >= since if self.not_before else self.holds


class ProgramReading(Record, frozen=True, kw_only=True):
    """A program of an item, and its SHA-256."""

    path: str
    sha256: Reading[str]


class ItemReading(Record, frozen=True, kw_only=True):
    """One item. `flaw` is why its token or certificates cannot be used, "" if they can."""

    item: Item
    flaw: str
    programs: tuple[ProgramReading, ...]
    answer: Reading[ProbeAnswer]

    @property
    def target(self) -> str:
        """Its name in plans."""
        return self.item.target

    @property
    def programs_text(self) -> str:
        """The programs with their hashes, as they stand in a plan; a reason where one was not
        read."""
        told = []
        for one in self.programs:
            found = one.sha256
            known = found.reason if isinstance(found, Unknown) else f"sha256 {found.value}"
            told.append(f"{one.path} {known}")
        return "; ".join(told) or "none"

    def concerns(self, fingerprint: str) -> bool:
        """Whether it has to be reset when this key is out."""
        return not self.item.keys or fingerprint in self.item.keys


class SessionsReading(Kinded, frozen=True, kw_only=True):
    """All of them, in the inventory's order. `here` is the name of the machine that looked, `flaw`
    why its directory is not used, "" if it is."""

    KIND: ClassVar[str] = "sessions.reading/1"

    machine: str
    here: str
    flaw: str
    items: tuple[ItemReading, ...]

    def item(self, target: str) -> ItemReading:
        """The item that is called so in plans.

        Raises:
            KeyError: there is none.
        """
        return {one.target: one for one in self.items}[target]
