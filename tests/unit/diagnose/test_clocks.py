"""Whose clock is wrong, and what follows: for ages, for the time of blocks, for a plan."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.clocks import read_clocks
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.finding import Tristate
from remediations.playbooks.chain.guards.node import clock_in_sync
from remediations.playbooks.chain.situation import situation
from remediations.systems.comet.reading import ChainSample, CometReading, HostReading, sealed
from remediations.values.reading import Known
from tests import worlds
from tests.worlds import healthy, stopped

POWERS = ((40, 30, 20, 10), (30,) + (1,) * 99)


def clocks(world: CometReading, *hosts: str, seconds: int) -> CometReading:
    """The clocks of `hosts` are ahead of ours by `seconds`."""

    def off(reading: HostReading) -> HostReading:
        assert isinstance(reading.session, Known)
        session = replace(reading.session.value, clock_offset_ms=seconds * 1000)
        return replace(reading, session=worlds.known(session))

    for host in hosts:
        world = worlds.change(world, host, off)
    return world


def our_clock(world: CometReading, seconds: int) -> CometReading:
    """The same chain, read by a machine whose clock is `seconds` behind."""
    behind = timedelta(seconds=seconds)
    world = clocks(world, *(r.host for r in world.hosts), seconds=seconds)

    def earlier(sample: ChainSample) -> ChainSample:
        return replace(sample, at=sample.at - behind)

    hosts = tuple(replace(r, samples=tuple(map(earlier, r.samples))) for r in world.hosts)
    return replace(world, began=world.began - behind, ended=world.ended - behind, hosts=hosts)


@pytest.mark.parametrize("powers", POWERS, ids=len)
def test_one_clock_is_that_of_its_host(powers: tuple[int, ...]) -> None:
    """The chain goes on and is not well; nothing is said of block times."""
    last = f"val{len(powers)}"
    finding = diagnose(clocks(healthy(powers), last, seconds=-95))
    assert finding.chain is ChainClass.DEGRADED
    assert finding.node(last).condition is NodeCondition.CLOCK_OFF
    assert "95 s behind" in finding.node(last).cause
    assert "IBC" not in finding.explanation
    assert "timedatectl" in finding.next_step
    assert finding.node("val1").condition is NodeCondition.HEALTHY


@pytest.mark.parametrize("powers", POWERS, ids=len)
def test_a_third_of_the_power_makes_block_times_wrong(powers: tuple[int, ...]) -> None:
    """Not while it is less."""
    third = ["val1", "val2"] if len(powers) == 4 else [f"val{i}" for i in range(1, 15)]
    finding = diagnose(clocks(healthy(powers), *third, seconds=95))
    off = 70 if len(powers) == 4 else 43
    assert f"Hosts with {off} of {sum(powers)} power have a wrong clock" in finding.explanation
    assert "IBC" in finding.explanation
    assert "IBC" not in diagnose(clocks(healthy(powers), "val3", seconds=95)).explanation


def test_a_wrong_clock_is_told_of_a_node_that_is_ill_otherwise() -> None:
    """What has to be mended first stays first."""
    node = diagnose(clocks(stopped(healthy(), "val4"), "val4", seconds=95)).node("val4")
    assert node.condition is NodeCondition.STOPPED
    assert "its clock is 95 s ahead" in node.cause


@pytest.mark.parametrize("seconds", [600, -600, 11])
@pytest.mark.parametrize("powers", POWERS, ids=len)
def test_our_own_clock_changes_no_conclusion(powers: tuple[int, ...], seconds: int) -> None:
    """Halted stays halted, healthy stays healthy, with the age that the hosts tell."""
    missing = ("val1",) if len(powers) == 4 else tuple(f"val{i}" for i in range(1, 15))
    for world in (healthy(powers), stopped(healthy(powers), *missing)):
        right, ours = diagnose(world), diagnose(our_clock(world, seconds))
        assert (ours.chain, ours.halted) == (right.chain, right.halted)
        assert [n.condition for n in ours.nodes] == [n.condition for n in right.nodes]
        assert ours.explanation.startswith(right.explanation)
        which = "behind" if seconds > 0 else "ahead"
        assert f"The clock of this machine is {abs(seconds)} s {which}" in ours.explanation
        assert "the clock of this machine" in ours.next_step


def test_a_plan_is_told_of_our_clock_and_not_of_every_host() -> None:
    """It blocks for all of them, and names the one machine to mend."""
    world = our_clock(stopped(healthy(), "val1"), 600)
    result = clock_in_sync(situation(sealed(world), frozenset()), world.host("val1"))
    assert "this machine" in result.next_step


def test_without_a_majority_of_clocks_ours_counts() -> None:
    """Two of six, one of one, and a machine under several names are not a majority."""
    assert not read_clocks(clocks(healthy(), "val1", "val2", seconds=95)).ours
    world = healthy()
    one = replace(world, hosts=world.hosts[:1])
    assert not read_clocks(clocks(one, "val1", seconds=95)).ours
    twice = replace(world, hosts=(world.hosts[0], replace(world.hosts[0], host="again")))
    assert not read_clocks(clocks(twice, "val1", "again", seconds=95)).ours


def test_a_block_from_the_future_is_not_fresh() -> None:
    """Halted, and our clock is far behind the only two that can be read: nobody is believed."""
    world = our_clock(stopped(healthy(), "val1"), 600)
    kept = {"val2", "full1"}
    hosts = tuple(
        r if r.host in kept else worlds.unreachable_reading(r, "no route") for r in world.hosts
    )
    world = clocks(replace(world, hosts=hosts), "full1", seconds=0)
    finding = diagnose(world)
    assert finding.halted is Tristate.UNKNOWN
    assert "ahead of this machine's clock" in finding.explanation
