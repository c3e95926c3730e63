"""What takes the room on a full disk, and what a node keeps of its states, as they are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec import UNSET

from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.room import Room, RoomKind, StoreSettings
from remediations.values.reading import Known
from tests.unit.observe.fake_host import Host, observe

FULL = """#!/bin/sh
case "$*" in
  *target*) exec /usr/bin/df "$@" ;;
  *) printf '  Avail 1B-blocks IFree Inodes\\n%s\\n' "0 440401920 9000 10000" ;;
esac
"""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host whose RPC port nobody listens on, and whose disk is full."""
    host = Host(tmp_path, 1)
    host.script("df", FULL)
    return host


def room_of(reading: HostReading) -> Room:
    assert isinstance(reading.room, Known), reading.room
    return reading.room.value


def test_entries_arrive_by_name_size_and_kind(host: Host) -> None:
    """Also where the home is reached by a link, and a name is odd."""
    data = host.home / "data"
    (data / "application.db").mkdir()
    (data / "application.db/1.ldb").write_bytes(b"x" * 200_000)
    (data / "an odd\nname").write_bytes(b"x" * 100_000)
    (data / "linked").symlink_to("/etc")
    uses = {use.name: use for use in room_of(observe(host)).uses}
    assert uses["application.db"].kind is RoomKind.DATABASE
    assert uses["application.db"].bytes >= 200_000
    assert uses["an odd?name"].kind is RoomKind.OTHER
    assert uses["priv_validator_state.json"].kind is RoomKind.NEEDED
    assert uses["config"].kind is RoomKind.NEEDED
    assert uses["linked"].bytes < 10_000
    assert uses["cs.wal"].kind is RoomKind.WAL
    assert "data" not in uses


def test_data_may_be_elsewhere(host: Host, tmp_path: Path) -> None:
    """A link in the home leads to it: it is looked into, and counted once."""
    (host.home / "data").rename(tmp_path / "elsewhere")
    (host.home / "data").symlink_to(tmp_path / "elsewhere")
    uses = room_of(observe(host)).uses
    assert [use.name for use in uses].count("cs.wal") == 1


def test_files_that_are_linked_twice_are_shared(host: Host) -> None:
    """Each name has half of their bytes: to remove one frees none of them."""
    data = host.home / "data"
    for name in ("application.db", "remediate-copy"):
        (data / name).mkdir()
    (data / "application.db/1.ldb").write_bytes(b"x" * 400_000)
    os.link(data / "application.db/1.ldb", data / "remediate-copy/1.ldb")
    uses = {use.name: use for use in room_of(observe(host)).uses}
    assert 200_000 <= uses["application.db"].bytes < 300_000


def test_with_room_nothing_is_looked_at(tmp_path: Path) -> None:
    """And observations are as they were, but for the settings of the stores."""
    host = Host(tmp_path, 1)
    host.script("df", FULL.replace("0 440401920", "90000000000 100000000000"))
    (host.home / "config/app.toml").write_text(
        'pruning = "custom" # keeps\npruning-keep-recent = "7"\nsecret = "x"\n'
        "[state-sync]\nsnapshot-interval = 10\n"
    )
    reading = observe(host)
    assert reading.room is UNSET
    assert isinstance(reading.store, Known)
    assert reading.store.value == StoreSettings(
        pruning="custom", keep_recent=7, snapshot_interval=10
    )
