"""What takes the room on a full disk, and what of it can go without being missed. Pure.

What may go at all is a closed list (systems/comet/room.py). Of that the least is taken: first what
is missed least, and no more than makes enough room.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.context import ChainContext
from remediations.playbooks.chain.diagnose.journal_time import told_by_journal
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.finding import Frees
from remediations.systems.comet.journal_lines import Symptom
from remediations.systems.comet.reading import NodeReading
from remediations.systems.comet.room import (
    JOURNAL_KEPT,
    REMOVABLE,
    Room,
    RoomKind,
    RoomUse,
    StoreSettings,
)
from remediations.systems.hosts.values import DISK_FLOOR, INODE_FLOOR, Disk
from remediations.values.reading import Known, value_or_none

SPARE_PART = 20
"""One in so many bytes is to be free afterwards, if so much may go: with less `doctor` warns."""
SHOWN = 5
WORTH_NAMING = 1 << 20
"""Bytes: nobody is asked to decide about less."""
NEED_COPIES = frozenset(
    {
        NodeCondition.HELD,
        NodeCondition.DATABASE_CORRUPT,
        NodeCondition.DIVERGED,
        NodeCondition.FAILS_ALONE,
    }
)
"""Nodes for which somebody may have made, or want, a copy of databases."""
_ENDS = frozenset({Symptom.DISK_FULL, Symptom.CONSENSUS_FAILURE})


@dataclass(frozen=True, kw_only=True)
class RoomPlan:
    """What goes: `journal` bytes of it, 0 if it is left alone, and `items`. `now` and `after` are
    bytes and inodes free on the data's file system. `kept` says of what may go by its kind, and is
    needed here, why."""

    items: tuple[RoomUse, ...]
    journal: int
    now: tuple[int, int]
    after: tuple[int, int]
    kept: tuple[str, ...]

    @property
    def enough(self) -> bool:
        """Whether a start has what it needs afterwards (G17)."""
        return self.after[0] >= DISK_FLOOR and self.after[1] >= INODE_FLOOR

    @property
    def nothing(self) -> bool:
        """Whether nothing may go."""
        return not self.items and not self.journal


def room_of(reading: NodeReading) -> Room | None:
    """What takes the room there; None where that was not read."""
    return reading.room.value if isinstance(reading.room, Known) else None


def store_of(reading: NodeReading) -> StoreSettings | None:
    """What it keeps of its states; None where that was not read."""
    return reading.store.value if isinstance(reading.store, Known) else None


def needs_copies(nodes: Iterable[tuple[str, NodeCondition, bool]]) -> str:
    """The first node (host, condition, whether it is held) that may need a copy of databases; ""
    for none."""
    return next((host for host, condition, held in nodes if held or condition in NEED_COPIES), "")


def room_plan(reading: NodeReading, *, copies_for: str) -> RoomPlan | None:
    """What would go there; None where the room was not read. `copies_for` is a host that may need
    copies of databases, "" for none."""
    room, disk = room_of(reading), value_or_none(reading.disk)
    if room is None or disk is None:
        return None
    goal = max(DISK_FLOOR, disk.total // SPARE_PART)
    free, inodes = disk.available, disk.inodes_available
    journal = 0
    if room.journal is not None and free < goal:
        journal = room.journal.spare
        free += journal
    items: list[RoomUse] = []
    kept: list[str] = []
    for use in _in_order(room.uses):
        why = _needed(use, reading, copies_for)
        if why:
            kept.append(f"{use.name} ({size_words(use.bytes)}): {why}")
        elif free < goal or inodes < INODE_FLOOR:
            items.append(use)
            free, inodes = free + use.bytes, inodes + use.files
    return RoomPlan(
        items=tuple(items),
        journal=journal,
        now=(disk.available, disk.inodes_available),
        after=(free, inodes),
        kept=tuple(kept),
    )


def _in_order(uses: Sequence[RoomUse]) -> list[RoomUse]:
    found = [use for use in uses if use.kind in REMOVABLE and use.here]
    return sorted(found, key=lambda use: (REMOVABLE.index(use.kind), -use.bytes, use.path))


def _needed(use: RoomUse, reading: NodeReading, copies_for: str) -> str:
    """Why something that may go by its kind is needed; "" if it is not."""
    if use.kind is RoomKind.COPY and copies_for:
        return f"{copies_for} may need it"
    if use.kind is RoomKind.SNAPSHOTS:
        store = store_of(reading)
        if store is None:
            return "its app.toml was not read"
        if store.snapshot_interval:
            return f"others may sync from it (snapshot-interval = {store.snapshot_interval})"
    return ""


def frees(view: NodeView, context: ChainContext, copies_for: str) -> Frees:
    """What a plan can do about the full disk of a node: nothing while its consensus may be alive in
    its process, since a restart in a halt can lose the votes of a round."""
    disk, found = value_or_none(view.reading.disk), room_plan(view.reading, copies_for=copies_for)
    if disk is None or not disk.writable or found is None or found.nothing:
        return Frees.NOTHING
    told = told_by_journal(view, context, ())
    if view.answers and not any(one.kind.symptom in _ENDS for one in told):
        return Frees.NOTHING
    return Frees.ENOUGH if found.enough else Frees.TOO_LITTLE


def room_words(room: Room, disk: Disk) -> str:
    """`of 98.0 GiB: application.db 30.1 GiB, journal 4.0 GiB, elsewhere 12.0 GiB`."""
    taken = [(use.bytes, _label(use)) for use in room.uses if use.here]
    if room.journal is not None and room.journal.here:
        taken.append((room.journal.bytes, "journal"))
    elsewhere = disk.total - disk.available - sum(size for size, _ in taken)
    if elsewhere > 0:
        taken.append((elsewhere, "other files there"))
    largest = sorted(taken, key=lambda one: (-one[0], one[1]))[:SHOWN]
    shown = ", ".join(f"{label} {size_words(size)}" for size, label in largest)
    cut = f"; not all of {' and '.join(room.unfinished)} was looked at" if room.unfinished else ""
    return f"of {size_words(disk.total)}: {shown}{cut}"


def left_words(reading: NodeReading, gone: Sequence[RoomUse]) -> str:
    """The largest things that stay and that people can decide about, by their paths: never what the
    node needs."""
    room = room_of(reading)
    uses = room.uses if room is not None else ()
    kinds = (RoomKind.OTHER, RoomKind.KEPT, *REMOVABLE)
    found = [
        use
        for use in uses
        if use.here and use.kind in kinds and use not in gone and use.bytes >= WORTH_NAMING
    ]
    largest = sorted(found, key=lambda use: -use.bytes)[:SHOWN]
    return ", ".join(f"{use.path} {size_words(use.bytes)}" for use in largest)


def plan_words(found: RoomPlan) -> str:
    """What goes, in one line."""
    names = [f"{use.path} {size_words(use.bytes)}" for use in found.items]
    if found.journal:
        spared = f"{size_words(found.journal)} of the journal (to {size_words(JOURNAL_KEPT)})"
        names.insert(0, spared)
    return ", ".join(names)


def size_words(size: int) -> str:
    """`1.5 GiB`, `300 MiB`, `12 KiB`, rounded down."""
    if size >= 1 << 30:
        tenths = size * 10 >> 30
        return f"{tenths // 10}.{tenths % 10} GiB"
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


def _label(use: RoomUse) -> str:
    labels = {
        RoomKind.COPY: f"copy {use.name[:12]} kept by us",
        RoomKind.KEPT: f"file {use.name[:12]} kept by us",
        RoomKind.ASIDE: f"{use.name} (set aside by us)",
        RoomKind.CORE: f"{use.name} (core dump)",
        RoomKind.SNAPSHOTS: "state sync snapshots",
    }
    return labels.get(use.kind, use.name)
