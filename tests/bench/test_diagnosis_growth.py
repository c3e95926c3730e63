"""What a diagnosis costs grows with the validators, and not with their square."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.reading import CometReading
from tests.bench.growth import grows_at_most
from tests.worlds import healthy, stopped
from tests.worlds.signed import signers_of, with_commit

FEW, MANY = 1_000, 10_000


def signed(validators: int) -> CometReading:
    """All sign, and their signatures are verified."""
    world = healthy([1] * validators, hosts=100)
    return with_commit(world, signers_of(world))


def without_quorum(validators: int) -> CometReading:
    """A hundred hosts hold most of the power; forty of them are stopped."""
    powers = [1_000_000] * 100 + [100 + i % 7 for i in range(validators - 100)]
    return stopped(healthy(powers, hosts=100), *(f"val{i}" for i in range(1, 41)))


@pytest.mark.parametrize("world", [signed, without_quorum])
def test_diagnosis_grows_with_the_validators(world: Callable[[int], CometReading]) -> None:
    """Ten times the validators cost less than 25 times as much; a square would be 100 times."""
    few, many = world(FEW), world(MANY)
    assert grows_at_most(lambda: diagnose(few), lambda: diagnose(many), 25)
