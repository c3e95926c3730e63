"""Whether the program explains that app hashes differ."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.situation import situation_of
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.values.reading import Known
from tests import worlds

ONE, OTHER = "1" * 64, "2" * 64
SIDES = (("val1", "val4"), ("val2", "val3", "full1"))


def runs(sha256: str) -> Callable[[HostReading], HostReading]:
    """The program that a node runs; "" where it was not read."""

    def change(reading: HostReading) -> HostReading:
        assert isinstance(reading.binary, Known)
        if not sha256:
            return replace(reading, binary=worlds.unknown("permission denied"))
        found = replace(reading.binary.value, sha256=sha256, running_sha256=sha256)
        return replace(reading, binary=worlds.known(found))

    return change


def split(**programs: str) -> CometReading:
    """50 | 50; each host runs the program that is named, else `ONE`."""
    world = worlds.split(worlds.healthy(), *SIDES)
    for side in SIDES:
        for host in side:
            world = worlds.change(world, host, runs(programs.get(host, ONE)))
    return world


@pytest.mark.parametrize(
    ("programs", "says"),
    [
        ({}, f"all run one program ({ONE[:12]})"),
        (
            {"val2": OTHER, "val3": OTHER, "full1": OTHER},
            f"another program: {OTHER[:12]} (full1, val2, val3), {ONE[:12]} (val1, val4)",
        ),
        ({"val4": OTHER}, ""),
        ({"val3": OTHER}, ""),
        ({"val3": ""}, ""),
    ],
    ids=["one for all", "one for each side", "mixed", "mixed on the other", "unread"],
)
def test_what_the_programs_say_of_a_split(programs: dict[str, str], says: str) -> None:
    """Only where it is so of all: a program that both sides run explains nothing."""
    finding = situation_of(split(**programs), frozenset()).finding
    assert finding.chain is ChainClass.APP_HASH_SPLIT
    told = finding.explanation
    assert says in told if says else "program" not in told
    assert "--program" in finding.next_step
