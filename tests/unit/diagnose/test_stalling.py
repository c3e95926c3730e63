"""A chain that has just stopped does not "go on", although the limit of a halt is not over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.finding import Tristate
from remediations.systems.comet.reading import ChainSample, CometReading
from remediations.values.reading import Known
from tests import worlds
from tests.worlds import healthy, stopped

POWERS = ((40, 30, 20, 10), (30,) + (1,) * 99)


def aged(world: CometReading, seconds: int) -> CometReading:
    """The newest block of everybody is so old; blocks came every second before."""
    age = timedelta(seconds=seconds)

    def sampled(sample: ChainSample) -> ChainSample:
        assert isinstance(sample.status, Known)
        status = replace(sample.status.value, block_time=sample.at - age)
        return replace(sample, status=worlds.known(status, sample.at))

    hosts = tuple(
        replace(r, samples=tuple(map(sampled, r.samples))) if worlds.answers(r) else r
        for r in world.hosts
    )
    return replace(world, hosts=hosts)


def lost(powers: tuple[int, ...]) -> tuple[str, ...]:
    """Validators without which no block can come."""
    return ("val1",) if len(powers) == 4 else tuple(f"val{i}" for i in range(1, 15))


@pytest.mark.parametrize("powers", POWERS, ids=len)
def test_it_counts_as_halted_where_no_block_can_come(powers: tuple[int, ...]) -> None:
    """A third is down on its own hosts: nobody has to wait for the limit to start it."""
    finding = diagnose(aged(stopped(healthy(powers), *lost(powers)), 19))
    assert (finding.chain, finding.halted) == (ChainClass.QUORUM_LOST, Tristate.YES)
    assert "(19 s, less than the 60 s of a halt" in finding.explanation
    assert "no block can come" in finding.explanation
    assert "go on" not in finding.explanation
    assert finding.next_step == "remediate plan INC-001"


@pytest.mark.parametrize("powers", POWERS, ids=len)
def test_it_stalls_where_that_is_only_likely(powers: tuple[int, ...]) -> None:
    """Its hosts cannot be read: the votes are said, and that it is not a halt yet."""
    gone = lost(powers)
    votes = tuple("" if f"val{i}" in gone else "nil" for i in range(1, len(powers) + 1))
    world = worlds.halted(healthy(powers), votes=votes)
    for host in gone:
        world = worlds.change(world, host, lambda r: worlds.unreachable_reading(r, "no route"))
    finding = diagnose(aged(world, 19))
    assert (finding.chain, finding.halted) == (ChainClass.STALLING, Tristate.NO)
    online = sum(powers) - sum(powers[: len(gone)])
    assert f"{online} of {sum(powers)} power votes in this round" in finding.explanation
    assert "no block for 19 s; it counts as halted at 60 s" in finding.explanation
    assert finding.online_power == online
    assert not finding.chain.rule.goes_on
    assert "remediate plan" not in finding.next_step


@pytest.mark.parametrize("seconds", [3, 14])
def test_a_block_that_is_a_little_late_is_not_missed(seconds: int) -> None:
    """A round without a proposal takes seconds; the first may be the last of a good chain."""
    finding = diagnose(aged(worlds.unreachable(healthy(), "val1"), seconds))
    assert finding.chain is ChainClass.DEGRADED
    assert diagnose(aged(worlds.halted(healthy()), seconds)).chain is not ChainClass.STALLING


def test_a_chain_with_slow_blocks_is_given_its_time() -> None:
    """Where a block usually takes ten seconds, nineteen are none too many."""
    world = aged(worlds.unreachable(healthy(), "val1"), 19)
    hosts = []
    for reading in world.hosts:
        blocks = reading.chain.blocks
        if isinstance(blocks, Known):
            last = blocks.value[0]
            slow = tuple(
                replace(b, time=last.time - timedelta(seconds=10 * (last.height - b.height)))
                for b in blocks.value
            )
            chain = replace(reading.chain, blocks=worlds.known(slow))
            hosts.append(replace(reading, chain=chain))
        else:
            hosts.append(reading)
    assert diagnose(replace(world, hosts=tuple(hosts))).chain is not ChainClass.STALLING


def test_what_rises_does_not_stall() -> None:
    """Whatever the time of its blocks says."""
    world = aged(healthy(), 40)
    assert diagnose(world).chain is ChainClass.HEALTHY
    assert diagnose(world).node("val1").condition is NodeCondition.HEALTHY
