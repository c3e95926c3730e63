"""What a projection costs grows with the validators and their links, and not with their square."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from remediations.engine.whatif.projection import Supposition
from remediations.playbooks.chain.situation import ChainSituation, situation_of
from remediations.playbooks.chain.whatif.project import project
from tests.bench.growth import grows_at_most
from tests.unit.plan.cases import case_of, missing
from tests.worlds import healthy

FEW, MANY = 1_000, 10_000


@cache
def on_hundred_hosts(validators: int) -> ChainSituation:
    """A hundred hosts hold most of the power; the rest is on none of the inventory."""
    powers = [1_000_000] * 100 + [100 + n % 7 for n in range(validators - 100)]
    return situation_of(healthy(powers, hosts=100), frozenset())


@pytest.mark.parametrize(
    "supposed",
    [
        Supposition(stops=tuple(f"val{n}" for n in range(1, 31))),
        Supposition(cuts=(("val1", "val2"), ("val3", "val4"))),
        Supposition(settings={"height": "200"}),
    ],
    ids=["stops", "cuts", "height"],
)
def test_projection_grows_with_the_validators(supposed: Supposition) -> None:
    """Ten times the validators cost less than 25 times as much; a square would be 100 times."""
    few, many = on_hundred_hosts(FEW), on_hundred_hosts(MANY)
    assert grows_at_most(lambda: project(few, supposed, None), asked(many, supposed), 25)


def asked(chain: ChainSituation, supposed: Supposition) -> Callable[[], object]:
    return lambda: project(chain, supposed, None)


def test_projection_grows_with_the_hosts() -> None:
    """Every validator is a host with peers of its own, and all that stopped are started: four times
    the hosts cost less than twelve times as much; the square would be 16 times."""

    def halted(hosts: int) -> Callable[[], object]:
        down = [f"val{n}" for n in range(1, int(hosts * 0.4) + 1)]
        case = case_of(missing(healthy((10,) * hosts, full=0, standby=0), *down))
        return lambda: project(case.chain, Supposition(), case.proposal)

    assert grows_at_most(halted(250), halted(1_000), 12)
