"""Full disks, and what takes the room on them."""

from __future__ import annotations

from msgspec.structs import replace

from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.room import (
    FILES,
    Journal,
    Room,
    RoomKind,
    RoomUse,
    StoreSettings,
)
from remediations.values.reading import Known
from tests.worlds.base import HOME, change, known

ASIDE = f"{HOME}/data/remediate-replaced-0123456789ab"
COPY = f"{FILES}/{'c' * 64}"
CORE = f"{HOME}/core.400"
SNAPSHOTS = f"{HOME}/data/snapshots"
STORE = StoreSettings(pruning="custom", keep_recent=100, snapshot_interval=0)
_PLACES = {
    RoomKind.CORE: CORE,
    RoomKind.COPY: COPY,
    RoomKind.SNAPSHOTS: SNAPSHOTS,
    RoomKind.ASIDE: ASIDE,
    RoomKind.DATABASE: f"{HOME}/data/application.db",
    RoomKind.OTHER: f"{HOME}/backup.tar",
}


def use_of(kind: RoomKind, mib: int, *, here: bool = True) -> RoomUse:
    """Something of this kind, of so many MiB, at its place."""
    return RoomUse(
        kind=kind, path=_PLACES[kind], bytes=mib << 20, files=1, inode=7, modified=9, here=here
    )


def room_read(
    world: CometReading,
    host: str,
    *uses: RoomUse,
    journal: Journal | None = None,
    store: StoreSettings | None = STORE,
    total_mib: int = 10_240,
) -> CometReading:
    """The room of a full disk was looked at, and this takes it, beside a database."""

    def fill(reading: HostReading) -> HostReading:
        assert isinstance(reading.disk, Known)
        disk = replace(reading.disk.value, total=total_mib << 20)
        room = Room(uses=(*uses, use_of(RoomKind.DATABASE, 40)), journal=journal)
        read = replace(reading, disk=known(disk), room=known(room))
        return read if store is None else replace(read, store=known(store))

    return change(world, host, fill)
