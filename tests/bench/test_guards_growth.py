"""What a plan costs grows with what was read, and not with a power of the hosts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_

import pytest
from msgspec.structs import replace

from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.sign_state import SignState
from remediations.values.reading import Known
from tests import worlds
from tests.bench.growth import grows_at_most
from tests.unit.plan.cases import Case, case_of

FEW, MANY = 250, 1_000
STOPPED = 0.4


def full_nodes(hosts: int) -> Case:
    """A chain of four validators and very many full nodes: what is read grows with the hosts."""
    world = worlds.healthy(full=hosts, standby=0)
    down = [f"full{number}" for number in range(1, int(hosts * STOPPED) + 1)]
    return case_of(worlds.stopped(world, *down), "node-down")


def validators(hosts: int) -> Case:
    """Every host is a validator, and says the whole set: what is read grows with their square."""
    world = worlds.healthy((10,) * hosts, full=0, standby=0)
    down = [f"val{number}" for number in range(1, int(hosts * STOPPED) + 1)]
    return case_of(at_the_halt(worlds.stopped(world, *down), frozenset(down)))


def at_the_halt(world: CometReading, down: frozenset[str]) -> CometReading:
    """The validators that are down signed up to the last block."""
    state = worlds.known(SignState(height=worlds.HEIGHT, round=0, step=3, block=""))

    def signed(reading: HostReading) -> HostReading:
        return replace(reading, sign_state=state) if reading.host in down else reading

    return replace(world, hosts=tuple(map(signed, world.hosts)))


def judging(case: Case) -> Callable[[], None]:
    """All guards of the case, with nothing found before."""

    def judge() -> None:
        fresh = with_(case, observation=replace(case.observation), finding=replace(case.finding))
        assert len(fresh.judge()) > 5 * len(case.proposal.targets)

    return judge


@pytest.mark.parametrize(
    ("world", "most"), [(full_nodes, 8), (validators, 32)], ids=["full nodes", "validators"]
)
def test_guards_cost_in_proportion_to_what_was_read(
    world: Callable[[int], Case], most: float
) -> None:
    """Four times the hosts: 4 or 16 times what was read, and up to twice that in time. The cube
    would be 64 times."""
    few, many = world(FEW), world(MANY)
    assert len(many.proposal.targets) == MANY * STOPPED
    assert isinstance(many.observation.hosts[-1].chain.commit, Known)
    assert grows_at_most(judging(few), judging(many), most)
