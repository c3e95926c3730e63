"""What an inventory says of a chain and of its nodes: the section `chain`."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec
from msgspec.structs import replace

from remediations.engine.observe.inventory_section import InventorySection, SectionForm
from remediations.errors import UsageError
from remediations.systems.comet.blocks import PinnedBlock
from remediations.values.inventory import HostEntry, Inventory
from remediations.values.names import HOME, RPC, UNIT
from remediations.values.part import Kinded, Part

if TYPE_CHECKING:  # YAML takes a while to load
    from remediations.engine.observe.inventory_table import InventoryTable

SECTION = "chain"
HALTED_AFTER_S = 60
"""Seconds without a block that count as halted where the inventory does not say."""
_DAY_S = 86_400
HaltedAfter = Annotated[int, msgspec.Meta(ge=1, le=_DAY_S)]
"""Seconds without a block that count as halted."""
_PIN = re.compile(r"[1-9][0-9]{0,17}/[0-9A-Fa-f]{64}")
_CHAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")


class Role(StrEnum):
    """What a host is there for, as its operator says; the chain may say otherwise."""

    VALIDATOR = "validator"
    FULL = "full"
    STANDBY = "standby"
    BASTION = "bastion"


class ChainEntry(Kinded, frozen=True, kw_only=True, omit_defaults=True):
    """The chain that an inventory is of. `halted_after_s` is at most a day; `trust` is a block that
    a person knows to be one of the chain, from which proofs start."""

    KIND: ClassVar[str] = "comet.chain/1"

    chain_id: str
    halted_after_s: HaltedAfter
    trust: PinnedBlock | None = None


class NodeEntry(Kinded, frozen=True, kw_only=True):
    """A host of the chain. What is None is discovered on the host, never guessed.

    `unit` pins the systemd unit; `home` the daemon's home; `rpc` the URL of the RPC as seen from
    the host itself.
    """

    KIND: ClassVar[str] = "comet.node/1"

    role: Role
    unit: str | None = None
    home: str | None = None
    rpc: str | None = None


def chain_of(inventory: Inventory) -> ChainEntry:
    """The chain.

    Raises:
        UsageError: the inventory is of none.
    """
    part = inventory.part(ChainEntry.KIND)
    if part is None:
        raise _missing(inventory.path or "the inventory", "id: …")
    return part.read(ChainEntry)


def node_of(entry: HostEntry) -> NodeEntry:
    """What a host is in the chain.

    Raises:
        UsageError: it has no part in it.
    """
    node = node_or_none(entry)
    if node is None:
        raise _missing(entry.name, "role: …")
    return node


def node_or_none(entry: HostEntry) -> NodeEntry | None:
    """The same, None for a host that has no part in the chain."""
    part = entry.part(NodeEntry.KIND)
    return None if part is None else part.read(NodeEntry)


def with_node(entry: HostEntry, node: NodeEntry) -> HostEntry:
    """The host, with `node` as what it is in the chain."""
    others = [part for part in entry.parts if part.kind != NodeEntry.KIND]
    parts = sorted((*others, Part.of(node)), key=lambda part: part.kind)
    return replace(entry, parts=tuple(parts))


def _chain(table: InventoryTable) -> ChainEntry:
    return ChainEntry(
        chain_id=table.text("id", _CHAIN_ID, "a chain id of up to 50 characters"),
        halted_after_s=table.whole_number(
            "halted_after_seconds", 1, _DAY_S, default=HALTED_AFTER_S, unit="seconds"
        ),
        trust=_trust(table),
    )


def _trust(table: InventoryTable) -> PinnedBlock | None:
    """The pinned block, written as its height and its id."""
    said = table.optional("trust", _PIN, "HEIGHT/HASH of a block, as 1200000/5A0C… (64 hex digits)")
    if said is None:
        return None
    height, _, block = said.partition("/")
    return PinnedBlock(height=int(height), hash=block.upper())


def _node(table: InventoryTable) -> NodeEntry:
    return NodeEntry(
        role=table.choice("role", Role),
        unit=table.optional("unit", UNIT, "a systemd unit, as virtengine.service"),
        home=table.optional("home", HOME, "an absolute path"),
        rpc=table.optional("rpc", RPC, "a URL, as http://127.0.0.1:26657"),
    )


def _groups(entry: HostEntry) -> tuple[str, ...]:
    """By role; a bastion is only passed through."""
    role = node_of(entry).role
    return () if role is Role.BASTION else (role.value,)


def _missing(what: str, key: str) -> UsageError:
    return UsageError(
        f"{what} has no section `{SECTION}`",
        guard="inventory",
        got="no such section",
        expected=f"`{SECTION}: {{{key}}}` in the inventory",
        next_step="add it, or name hosts that have it",
    )


CHAIN_SECTION = InventorySection(
    name=SECTION,
    whole=SectionForm(
        kind=ChainEntry, read=_chain, required=("id",), optional=("halted_after_seconds", "trust")
    ),
    host=SectionForm(
        kind=NodeEntry, read=_node, required=("role",), optional=("unit", "home", "rpc")
    ),
    flat=True,
    groups=_groups,
)
