"""Inventories made by hand: hosts that are nodes of a chain, and hosts that are not.

`LAMP` is a system of another package, with a section of its own: a table for all, one for a host.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from remediations.engine.observe.inventory_section import InventorySection, SectionForm
from remediations.engine.system import HostSystem
from remediations.systems.comet.blocks import PinnedBlock
from remediations.systems.comet.inventory import ChainEntry, NodeEntry, Role, with_node
from remediations.values.inventory import HostEntry, Inventory
from remediations.values.part import Kinded, Part


class LampHost(Kinded, frozen=True, kw_only=True):
    """What an inventory says of a host with a lamp."""

    KIND: ClassVar[str] = "lamp.host/1"

    socket: int


class LampRoom(Kinded, frozen=True, kw_only=True):
    """What an inventory says of all lamps."""

    KIND: ClassVar[str] = "lamp.room/1"

    fuse: str


class Lamps(Kinded, frozen=True, kw_only=True):
    """The sockets of the hosts that were read, in the inventory's order."""

    KIND: ClassVar[str] = "lamp.reading/1"

    fuse: str
    hosts: tuple[str, ...]


LAMP_SECTION = InventorySection(
    name="lamp",
    whole=SectionForm(
        kind=LampRoom,
        required=("fuse",),
        read=lambda table: LampRoom(fuse=table.text("fuse", re.compile("[a-z]+"), "a word")),
    ),
    host=SectionForm(
        kind=LampHost,
        optional=("socket",),
        read=lambda table: LampHost(
            socket=table.whole_number("socket", 1, 9, default=1, unit="a socket")
        ),
    ),
)


def _fuse(inventory: Inventory) -> str:
    part = inventory.part(LampRoom.KIND)
    assert part is not None
    return part.read(LampRoom).fuse


LAMP = HostSystem(
    name="lamp",
    kind=Lamps,
    inventory_section=LAMP_SECTION,
    fragment="lamp_rest() { begin lamp true; }\n",
    sections={"lamp": 100},
    settings=lambda entry: {},
    read=lambda document, entry, at: entry.name,
    unread=lambda entry, trouble, at: entry.name,
    whole=lambda inventory, hosts: Lamps(fuse=_fuse(inventory), hosts=tuple(hosts)),
)


def lamp_entry(*, name: str, socket: int = 1) -> HostEntry:
    """A host with a lamp, and without a node."""
    return HostEntry(name=name, ssh=name, parts=(Part.of(LampHost(socket=socket)),))


def node_entry(
    *,
    name: str,
    role: Role,
    ssh: str,
    unit: str | None = None,
    home: str | None = None,
    rpc: str | None = None,
) -> HostEntry:
    """A host that is a node."""
    node = NodeEntry(role=role, unit=unit, home=home, rpc=rpc)
    return with_node(HostEntry(name=name, ssh=ssh), node)


def chain_inventory(
    *,
    path: str | Path,
    chain_id: str,
    halted_after_s: int,
    ssh_config: str | None,
    allowed_signers: str | None,
    hosts: tuple[HostEntry, ...],
    trust: PinnedBlock | None = None,
) -> Inventory:
    """An inventory of one chain."""
    chain = ChainEntry(chain_id=chain_id, halted_after_s=halted_after_s, trust=trust)
    return Inventory(
        path=str(path),
        ssh_config=ssh_config,
        allowed_signers=allowed_signers,
        parts=(Part.of(chain),),
        hosts=hosts,
    )
