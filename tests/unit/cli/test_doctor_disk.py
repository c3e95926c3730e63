"""What `doctor` says of a disk, and of states that are pruned."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediations.engine.doctor.line import LineState
from remediations.systems.comet.reading import CometReading
from remediations.systems.comet.room import RoomKind, StoreSettings
from tests import worlds
from tests.unit.cli.examined import bad, lines_of
from tests.worlds import healthy
from tests.worlds.base import unit_of
from tests.worlds.room import room_read, use_of


def pruned(pruning: str, keep: int = 0) -> CometReading:
    store = StoreSettings(pruning=pruning, keep_recent=keep, snapshot_interval=0)
    return worlds.change(healthy(), "val4", lambda r: replace(r, store=worlds.known(store)))


@pytest.mark.parametrize(
    ("pruning", "keep", "says"),
    [("everything", 0, "back by 1 block"), ("custom", 2, "back by 1 block"), ("custom", 5, "by 4")],
)
def test_states_that_are_pruned_at_once_are_a_warning(pruning: str, keep: int, says: str) -> None:
    """Nothing is changed for it; the settings that would do are named."""
    line = bad(lines_of(pruned(pruning, keep)))["val4", "pruning"]
    assert line.state is LineState.WARN
    assert says in line.found
    assert "pruning-keep-recent" in line.mend


@pytest.mark.parametrize(("pruning", "keep"), [("default", 0), ("nothing", 0), ("custom", 100)])
def test_enough_states_are_none(pruning: str, keep: int) -> None:
    assert ("val4", "pruning") not in bad(lines_of(pruned(pruning, keep)))


def test_a_flag_decides_in_place_of_the_file() -> None:
    """What it says is not read: nothing is claimed then."""
    world = worlds.change(
        pruned("everything"),
        "val4",
        lambda r: replace(r, unit=unit_of(r, arguments=("start", "--pruning", "nothing"))),
    )
    assert ("val4", "pruning") not in bad(lines_of(world))


def test_a_full_disk_says_what_takes_it() -> None:
    world = room_read(worlds.disk_full(healthy(), "val4"), "val4", use_of(RoomKind.CORE, 900))
    line = bad(lines_of(world))["val4", "disk"]
    assert "core.400 (core dump) 900 MiB" in line.found
