"""A disk is too small for a start, or it is not: diagnosis, guards and `doctor` say the same."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediations.errors import Refused
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.program_parts import DISK_FLOOR_KIB
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.hosts.values import DISK_FLOOR, INODE_FLOOR
from remediations.values.reading import Known
from tests import worlds
from tests.unit.plan.cases import plan_of


def with_disk(world: CometReading, host: str, **fields: int) -> CometReading:
    def how(reading: HostReading) -> HostReading:
        assert isinstance(reading.disk, Known)
        return replace(reading, disk=worlds.known(replace(reading.disk.value, **fields)))

    return worlds.change(world, host, how)


@pytest.mark.parametrize(
    "short",
    [
        {"available": 0},
        {"available": 40 << 20},
        {"available": DISK_FLOOR - 1},
        {"inodes_available": INODE_FLOOR - 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("host", ["val4", "full1"])
def test_what_a_guard_would_refuse_is_not_sent_to_a_plan(host: str, short: dict[str, int]) -> None:
    """The answer of `diagnose` is to free space, not a plan that its own guard refuses."""
    world = with_disk(worlds.stopped(worlds.healthy(), host), host, **short)
    node = diagnose(world).node(host)
    assert node.condition is NodeCondition.DISK_FULL
    assert "Free or add space" in node.by_hand
    with pytest.raises(Refused):
        plan_of(world, "node-down")


@pytest.mark.parametrize("host", ["val4", "full1"])
def test_just_enough_is_enough_for_both(host: str) -> None:
    enough = {"available": DISK_FLOOR, "inodes_available": INODE_FLOOR}
    world = with_disk(worlds.stopped(worlds.healthy(), host), host, **enough)
    assert diagnose(world).node(host).condition is NodeCondition.STOPPED
    assert not plan_of(world, "node-down").blocked


def test_a_node_that_is_well_is_not_called_ill() -> None:
    """It signs, and needs no start; `doctor` says that no step would be allowed there."""
    world = with_disk(worlds.healthy(), "val4", available=40 << 20)
    assert diagnose(world).node("val4").condition is NodeCondition.HEALTHY


def test_the_host_itself_checks_the_same_floor() -> None:
    """The program of a step asks `df -k`."""
    assert DISK_FLOOR_KIB << 10 == DISK_FLOOR
