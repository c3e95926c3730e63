"""Blocks that come too late: whose proposals and votes are missing, and what to do about each."""

from __future__ import annotations

from datetime import timedelta
from itertools import cycle, islice

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.pressure import Pressure
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.values.reading import Known
from tests import worlds

ALL = ("val1", "val2", "val3", "val4", "full1")
TURNS = ("val1", "val2", "val1", "val3", "val1", "val2", "val1", "val2", "val3", "val4")
"""Ten turns at 40, 30, 20, 10."""


def address(world: CometReading, host: str) -> str:
    key = world.host(host).key
    assert isinstance(key, Known)
    return str(key.value.address)


def proposed(world: CometReading, *turns: str, apart_s: float = 1) -> CometReading:
    """The last blocks were proposed by these hosts, over and over, so many seconds apart."""
    addresses = [address(world, host) for host in turns]

    def change(reading: HostReading) -> HostReading:
        read = reading.chain.blocks
        if not isinstance(read, Known):
            return reading
        newest = read.value[0].time
        blocks = tuple(
            replace(block, proposer=who, time=newest - timedelta(seconds=apart_s * number))
            for number, (block, who) in enumerate(
                zip(read.value, islice(cycle(addresses), len(read.value)), strict=True)
            )
        )
        return replace(reading, chain=replace(reading.chain, blocks=worlds.known(blocks)))

    for host in ALL:
        world = worlds.change(world, host, change)
    return world


def slow(*turns: str) -> CometReading:
    return proposed(worlds.healthy(), *turns, apart_s=25)


def test_whose_proposals_are_missing() -> None:
    """By power: of twenty blocks eight were val1's turn, and it has none of them."""
    finding = diagnose(slow("val2", "val3", "val2", "val4", "val2"))
    assert finding.chain is ChainClass.SLOW
    assert (
        "val1 (40 power) proposed 0 of the last 20 blocks, and about 8 were its turn"
        in finding.explanation
    )
    assert finding.next_step.startswith("val1 (40 power): bring it back if it is down or frozen")


def test_everybody_proposes() -> None:
    """Then it is load, which nobody reads; and nothing is restarted for it."""
    finding = diagnose(slow(*TURNS))
    assert finding.chain is ChainClass.SLOW
    assert "no reading names a cause" in finding.explanation
    assert finding.next_step.startswith("restart nothing")


def test_an_observation_without_proposers_names_nobody() -> None:
    """It was made before they were kept: unknown, and not zero."""
    assert " proposed " not in diagnose(slow(*TURNS)).explanation
    world = proposed(worlds.healthy(), *TURNS, apart_s=25)
    for host in ALL:
        world = worlds.change(world, host, _forgotten)
    assert " proposed " not in diagnose(world).explanation


def _forgotten(reading: HostReading) -> HostReading:
    read = reading.chain.blocks
    assert isinstance(read, Known)
    blocks = tuple(replace(one, proposer="") for one in read.value)
    return replace(reading, chain=replace(reading.chain, blocks=worlds.known(blocks)))


def test_a_frozen_proposer_is_named_where_it_makes_blocks_late() -> None:
    """The chain is degraded by it, and goes on; the turns tell why the alert fired."""
    world = proposed(worlds.frozen(worlds.healthy(), "val3"), "val1", "val2", "val1", "val4")
    finding = diagnose(world)
    assert finding.chain is ChainClass.DEGRADED
    assert "Blocks are late at its turns: val3 (20 power) proposed 0" in finding.explanation


@pytest.mark.parametrize("round_", [1, 3])
def test_blocks_that_took_more_rounds(round_: int) -> None:
    """A commit above round 0 is a proposal that did not come."""

    def late(reading: HostReading) -> HostReading:
        read = reading.chain.commit
        assert isinstance(read, Known)
        commit = worlds.known(replace(read.value, round=round_))
        return replace(reading, chain=replace(reading.chain, commit=commit))

    world = slow(*TURNS)
    for host in ALL:
        world = worlds.change(world, host, late)
    finding = diagnose(world)
    assert f"takes round {round_}: the rounds before passed without a block" in finding.explanation


def under(world: CometReading, host: str, **fields: int) -> CometReading:
    """So much is asked of the host."""
    told = Pressure(**{"processors": 2, "load": 150, **fields})
    return worlds.change(world, host, lambda r: replace(r, pressure=worlds.known(told)))


@pytest.mark.parametrize(
    ("fields", "says", "step"),
    [
        ({"waits": 94, "quota": 20}, "CPUQuota of virtengine.service is 20 %", "CPUQuota="),
        ({"waits": 60}, "60 % of the time in which it could run, load 1.50 on 2 proc", "hyperv"),
        ({"cpu": 70}, "something waits for a processor in 70 % of a minute", "(`top`)"),
        ({"io": 35}, "something waits for the disk in 35 % of a minute", "iostat"),
        ({"memory": 20}, "something waits for memory in 20 % of a minute", "--sort=-rss"),
    ],
)
def test_what_a_host_is_short_of(fields: dict[str, int], says: str, step: str) -> None:
    """It is told with its host, its power and what a person does; nothing is restarted for it."""
    finding = diagnose(under(slow(*TURNS), "val2", **fields))
    assert finding.chain is ChainClass.SLOW
    assert f"val2 (30 power): {'its daemon' if 'waits' in fields else says}" in finding.explanation
    assert says in finding.explanation
    assert step in finding.next_step
    assert "no reading names a cause" not in finding.explanation


def test_a_host_without_pressure_is_not_named() -> None:
    """Below what makes a node late, not read, or without power."""
    calm = under(slow(*TURNS), "val2", waits=49, cpu=49, io=19, memory=9)
    busy = under(calm, "full1", waits=99)
    assert "no reading names a cause" in diagnose(busy).explanation


def test_full_mempools_are_told() -> None:
    """By all nodes that hold many."""
    finding = diagnose(under(slow(*TURNS), "val3", transactions=5000))
    assert "transactions wait in mempools: val3 5000" in finding.explanation
    assert "minimum-gas-prices" in finding.next_step
