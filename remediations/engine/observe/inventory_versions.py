"""Where the sections of systems are in an inventory: in version 2 each in a table of its own; in
version 1 one section alone, with the keys of a host among the host's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.inventory_section import InventorySection, SectionForm
from remediations.engine.observe.inventory_table import InventoryTable, shown
from remediations.errors import UsageError
from remediations.values.inventory import Inventory
from remediations.values.part import Part

NEWEST = 2
_NEEDED, _FREE = ("version", "hosts"), ("ssh", "allowed_signers", "resume_within_seconds")


@dataclass(frozen=True)
class Flat:
    """Version 1, which knows one section."""

    name: str
    whole: SectionForm[Any]
    host: SectionForm[Any]

    @classmethod
    def of(cls, section: InventorySection) -> Self:
        """The section that says of itself that it is that one, so it has both tables."""
        assert section.whole is not None
        assert section.host is not None
        return cls(section.name, section.whole, section.host)

    def of_root(self, root: InventoryTable) -> tuple[Part, ...]:
        """The keys beside `hosts`."""
        hint = f"; any other section needs `version: {NEWEST}`"
        root.keys(required=("version", self.name, "hosts"), optional=_FREE, hint=hint)
        return (self.whole.own_part(root.table(self.name)),)

    def of_host(self, _root: InventoryTable, entry: InventoryTable, _name: str) -> tuple[Part, ...]:
        """The keys below a host."""
        hint = f"; sections of a host need `version: {NEWEST}`"
        entry.keys(required=self.host.required, optional=("ssh", *self.host.optional), hint=hint)
        return (self.host.part(entry),)

    def check(self, root: InventoryTable, inventory: Inventory) -> None:
        """Every host has the section."""


@dataclass(frozen=True)
class Sections:
    """Version 2, with the sections of the installed systems."""

    systems: InstalledSystems

    def of_root(self, root: InventoryTable) -> tuple[Part, ...]:
        """The keys beside `hosts`."""
        forms = {one.name: one.whole for one in self.systems.inventory_sections if one.whole}
        self._check_keys(root, (*_NEEDED, *_FREE, *forms), "below a host")
        root.keys(required=_NEEDED, optional=(*_FREE, *forms))
        found = {name: form for name, form in forms.items() if name in root}
        return _in_order(form.own_part(root.table(name)) for name, form in found.items())

    def of_host(self, root: InventoryTable, entry: InventoryTable, name: str) -> tuple[Part, ...]:
        """The keys below a host: one section or more, or nothing would be read there."""
        forms = {one.name: one.host for one in self.systems.inventory_sections if one.host}
        self._check_keys(entry, ("ssh", *forms), "beside `hosts`")
        found = {section: form for section, form in forms.items() if section in entry}
        if not found:
            known = ", ".join(forms) or "an installed system, of which there is none"
            raise entry.complaint(f"{name}: no section", f"one or more of the sections {known}")
        for section in self.systems.inventory_sections:
            if section.name in found and section.whole and section.name not in root:
                expected = f"`{section.name}: {section.whole.spelt}` beside `hosts`, too"
                got = f"{section.name}: it belongs below hosts only"
                raise entry.wrong(section.name, expected, got)
        return _in_order(form.own_part(entry.table(section)) for section, form in found.items())

    def check(self, root: InventoryTable, inventory: Inventory) -> None:
        """A section that is given by host, and that no host has, was forgotten there."""
        for one in self.systems.inventory_sections:
            told = one.whole is not None and one.name in root
            if told and one.host and not any(map(one.is_on, inventory.hosts)):
                expected = f"a host with `{one.name}: {one.host.spelt}`"
                raise root.wrong(one.name, expected, f"{one.name}: no host has it")

    def _check_keys(self, table: InventoryTable, known: Sequence[str], elsewhere: str) -> None:
        """Say of a strange key what it may be meant for."""
        for key in table.content:
            if key not in known:
                raise self._strange(table, key, f"one of the keys {', '.join(known)}", elsewhere)

    def _strange(
        self, table: InventoryTable, key: object, expected: str, elsewhere: str
    ) -> UsageError:
        sections = self.systems.inventory_sections
        if any(key == one.name for one in sections):
            return table.wrong(
                key, f"{expected}; the section {key} belongs {elsewhere}", shown(key)
            )
        flat = [one for one in sections if one.flat and one.host and "hosts" not in table]
        for one in flat:
            if one.host and key in (*one.host.required, *one.host.optional):
                spelt = f"in version {NEWEST} it is spelt `{one.name}: {{{key}: …}}`"
                return table.wrong(key, f"{expected}; {spelt}", shown(key))
        unused = [f"{one.name} of {one.distribution}: {one.flaw}" for one in self.systems.troubles]
        return table.wrong(
            key,
            expected,
            f"{shown(key)}, which no installed system reads"
            + (f" (not used here: {', '.join(unused)})" if unused else ""),
            "install, or allow, the package that reads it (`remediate list` says what is "
            "installed, and why something is not used)",
        )


def _in_order(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: part.kind))
