"""What an inventory tells a system: a table of its own, for all hosts and for each of them.

    version: 2
    lamp: {fuse: main}                  # `whole`: once
    hosts:
      porch: {lamp: {socket: 3}}        # `host`: of each host that it is about

    class Lamp(Kinded, frozen=True, kw_only=True):
        KIND: ClassVar[str] = "lamp.host/1"
        socket: int

    LAMPS = InventorySection(
        name="lamp",
        host=SectionForm(
            kind=Lamp,
            required=("socket",),
            read=lambda table: Lamp(
                socket=table.whole_number("socket", 1, 9, default=1, unit="a socket")
            ),
        ),
    )

A system declares it (`System.inventory_section`), and is not read where an inventory does not have
it. What was read is a part, so it is shown, digested and kept where the system is not installed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from remediations.errors import RemediationError
from remediations.render.printable import one_line
from remediations.values.inventory import HostEntry, Inventory
from remediations.values.part import Kinded, Part

if TYPE_CHECKING:  # YAML takes a while to load, and a system is declared without it
    from remediations.engine.observe.inventory_table import InventoryTable

K = TypeVar("K", bound=Kinded)

SECTION_NAME = re.compile("[a-z][a-z0-9-]{0,31}")
OWN_KEYS = ("version", "hosts", "ssh", "allowed_signers")
"""What no section is called: the inventory's own keys."""
_SAID = 160
"""Characters of what somebody else's exception says."""


@dataclass(frozen=True, kw_only=True)
class SectionForm(Generic[K]):
    """One table of a section. It has all keys of `required`, and none but these and `optional`,
    before `read` makes a value of it. `read` is pure; what is wrong it says with the table's own
    complaints."""

    kind: type[K]
    read: Callable[[InventoryTable], K]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def spelt(self) -> str:
        """The table as it has to be written at least, for a complaint."""
        return f"{{{', '.join(f'{key}: …' for key in self.required)}}}"

    def own_part(self, table: InventoryTable) -> Part:
        """What a table says that has the section's keys alone.

        Raises:
            UsageError: something else is in it.
        """
        table.keys(required=self.required, optional=self.optional)
        return self.part(table)

    def part(self, table: InventoryTable) -> Part:
        """What a table says whose keys were judged before. A reader that fails is a complaint, too:
        it may be of another package, which can raise what it likes.

        Raises:
            UsageError: something else is in it.
        """
        try:
            value = self.read(table)
            if not isinstance(value, self.kind):
                raise TypeError(f"{type(value).__name__} is not {self.kind.__name__}")
            return Part.of(value)
        except RemediationError:
            raise
        except Exception as error:
            said = one_line(f"{type(error).__name__}: {error}")[:_SAID]
            got, expected = f"its reader failed: {said}", f"what is read into {self.kind.KIND}"
            raise table.complaint(got, expected) from error


@dataclass(frozen=True, kw_only=True)
class InventorySection:
    """`whole` occurs once in an inventory, `host` below a host; where a section has both, it has
    both in every inventory that has it.

    `flat`: version 1 has this section and no other, with the keys of `host` among those of the host
    itself. `groups` are those of pyinfra that a host is in for it; none where it is only passed
    through. By default there is one, named as the section.
    """

    name: str
    whole: SectionForm[Any] | None = None
    host: SectionForm[Any] | None = None
    flat: bool = False
    groups: Callable[[HostEntry], tuple[str, ...]] | None = None

    @property
    def kinds(self) -> tuple[type[Kinded], ...]:
        """What its tables are read into."""
        return tuple(form.kind for form in (self.whole, self.host) if form is not None)

    def is_on(self, entry: HostEntry) -> bool:
        """Whether the host has it, or it is not given by host."""
        return self.host is None or entry.part(self.host.kind.KIND) is not None

    def is_in(self, inventory: Inventory) -> bool:
        """Whether the inventory has it."""
        if self.whole is not None:
            return inventory.part(self.whole.kind.KIND) is not None
        return any(map(self.is_on, inventory.hosts))

    def groups_of(self, entry: HostEntry) -> tuple[str, ...]:
        """The groups that the host is in for it."""
        if self.host is None or not self.is_on(entry):
            return ()
        return (self.name,) if self.groups is None else self.groups(entry)


def section_flaw(section: object) -> str:
    """What is wrong with what a system declares; "" for nothing. Nothing else checks the types of
    another package's fields."""
    if not isinstance(section, InventorySection):
        return "its section of the inventory is not one"
    if not SECTION_NAME.fullmatch(str(section.name)) or section.name in OWN_KEYS:
        return "its section of the inventory is not called by a word that is free"
    forms = [form for form in (section.whole, section.host) if form is not None]
    if not forms:
        return "its section of the inventory has no table"
    if not all(isinstance(form, SectionForm) for form in forms):
        return "the tables of its section of the inventory are not forms"
    if section.flat and len(forms) < 2:
        return "its section of the inventory is that of version 1, and has one table only"
    if not all(isinstance(kind, type) and issubclass(kind, Kinded) for kind in section.kinds):
        return "its section of the inventory is not read into kinds of values"
    return ""
