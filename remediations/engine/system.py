"""What a system declares: something that can be read, whatever the incident.

A *host system* reads something on hosts and opens no connections. It contributes shell text to the
one program that every host runs in one round trip, and parses the sections that this text prints.
The rules:

1. `fragment` defines bash functions and nothing else. The frame (systems/hosts/probe.sh) calls
   `NAME_first`, `NAME_rest` and `NAME_last`, where defined, for each system in order of name:
   `first` finds out what there is, `rest` reads it, `last` reads what must not be older than the
   rest.
2. Anything that could hang or be large is a section: `begin SECTION COMMAND…`. Each section is
   limited in bytes, by `sections`, and in time, by the frame. Outside of sections only `take` may
   be used, which is limited as well.
3. The names of functions, sections and settings are unique among all installed systems.
4. A fragment runs as root and changes nothing.
5. `read` never raises: anything unexpected in a section becomes an unknown reading. What it needs
   besides its own sections (the login, the clock) is in the frame's sections.

A *remote system* (an API server, a store) reads by itself, within limits of its own, and never
raises: what it could not read becomes an unknown reading. `hosts` is one of them: it reads by
running the program above.

What a system has to be told by an operator is its section of the inventory
(`engine.observe.inventory_section`). Where an inventory does not have it, the system is not read;
where a host does not have it, that host is not the system's.

A system is an entry point of the group `remediations.systems`, by the rules of engine.catalogue:

    class Uptimes(Kinded, frozen=True, kw_only=True):
        KIND: ClassVar[str] = "uptime.reading/1"
        seconds: tuple[Reading[int], ...]

    UPTIME = HostSystem(
        name="uptime", kind=Uptimes, sections={"uptime": 100}, settings=lambda entry: {},
        fragment="uptime_rest() { begin uptime cut -d. -f1 /proc/uptime; }\\n",
        read=read_uptime, unread=lambda entry, trouble, at: trouble.unknown(entry.ssh, at),
        whole=lambda inventory, hosts: Uptimes(seconds=tuple(hosts)),
    )

`docs/writing-a-system.md` has the complete example.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from remediations.engine.observe.inventory_section import InventorySection, section_flaw
from remediations.engine.observe.observation import Scope
from remediations.engine.observe.section import HostDocument, Trouble
from remediations.engine.plan.build import StepCompiler
from remediations.values.inventory import HostEntry, Inventory
from remediations.values.part import Kinded

if TYPE_CHECKING:
    from remediations.engine.apply.driver import Driver, FenceKeeper
    from remediations.engine.stage.keeper import FileKeeper
    from remediations.reach.connection import Reach
    from remediations.reach.ssh import SshReach


@dataclass(frozen=True, kw_only=True)
class DriverKind:
    """What carries out steps on one kind of target, in two halves.

    `compiler` is the pure half, open while plans are made: it makes the bytes. `driver` is the half
    that acts, through the connections of a run. `fences` keeps the fences of its targets (rules 11
    and 12 in engine/apply/driver.py). Without it, two machines that apply different plans to one
    resource do not exclude each other. `files` keeps files on its targets that later plans name by
    their hash (`remediate stage`), None if it cannot.
    """

    name: str
    compiler: Callable[[], AbstractContextManager[StepCompiler]]
    driver: Callable[[SshReach], Driver]
    fences: Callable[[SshReach], FenceKeeper] | None
    files: Callable[[SshReach], FileKeeper] | None = None


NAME = re.compile("[a-z][a-z0-9]{0,31}")
"""The form of a system's name, which is the prefix of its shell functions."""
SECTION = re.compile(r"[a-z][a-z0-9_]{0,31}(\.[0-9])?")


@dataclass(frozen=True, kw_only=True)
class System:
    """Something that can be read. `kind` is the part that it contributes to an observation,
    `drivers` are what can change it, and `inventory_section` is what an inventory tells it, None
    for nothing."""

    name: str
    kind: type[Kinded]
    drivers: tuple[DriverKind, ...] = ()
    inventory_section: InventorySection | None = None

    def is_in(self, inventory: Inventory) -> bool:
        """Whether there is anything to read of it with this inventory."""
        return self.inventory_section is None or self.inventory_section.is_in(inventory)


@dataclass(frozen=True, kw_only=True)
class HostSystem(System):
    """Something that is read on hosts.

    `sections` has the size limit of each section in bytes. `settings` returns the shell variables
    for one host, named `remediate_…`; `settings_of_all` those that all hosts of an inventory have
    in common. `read` returns the reading of one host, `unread` that of a host that could not be
    read; `whole` combines the readings of its hosts, in the inventory's order.
    """

    fragment: str
    sections: Mapping[str, int]
    settings: Callable[[HostEntry], Mapping[str, str]]
    read: Callable[[HostDocument, HostEntry, datetime], Any]
    unread: Callable[[HostEntry, Trouble, datetime], Any]
    whole: Callable[[Inventory, Sequence[Any]], Kinded]
    settings_of_all: Callable[[Inventory], Mapping[str, str]] = lambda _: {}

    def is_on(self, entry: HostEntry) -> bool:
        """Whether there is anything to read of it on this host."""
        return self.inventory_section is None or self.inventory_section.is_on(entry)


@dataclass(frozen=True, kw_only=True)
class LookRequest:
    """What a remote system is given to read with."""

    reach: Reach
    inventory: Inventory
    scope: Scope
    host_systems: tuple[HostSystem, ...]


@dataclass(frozen=True, kw_only=True)
class RemoteSystem(System):
    """Something that reads by itself.

    `unanswered` is given a value that `look` returned. It returns the reasons if nothing at all
    could be read, and nothing otherwise.
    """

    look: Callable[[LookRequest], Awaitable[Sequence[Kinded]]]
    unanswered: Callable[[Any], tuple[str, ...]]


def system_flaw(loaded: object) -> str:
    """Why what an entry point provides is not a valid system; "" if it is. Nothing else checks the
    types of another package's fields."""
    if not isinstance(loaded, HostSystem | RemoteSystem):
        return "it is not a host system or a remote system"
    if not NAME.fullmatch(str(loaded.name)):
        return "its name is not a word of small letters and digits"
    kind: object = loaded.kind
    if not isinstance(kind, type) or not issubclass(kind, Kinded):
        return "its kind is not a kind of values"
    if loaded.inventory_section is not None and (flaw := section_flaw(loaded.inventory_section)):
        return flaw
    return _flaw_on_hosts(loaded) if isinstance(loaded, HostSystem) else ""


def _flaw_on_hosts(system: HostSystem) -> str:
    fragment: object = system.fragment
    sections: object = system.sections
    if not isinstance(fragment, str) or not fragment.endswith("\n"):
        return "its fragment is not shell text that ends with a line"
    if not isinstance(sections, Mapping) or not sections:
        return "it has no sections"
    if not all(
        SECTION.fullmatch(str(name)) and type(size) is int and size > 0
        for name, size in sections.items()
    ):
        return "its sections are not names with a number of bytes each"
    return ""
