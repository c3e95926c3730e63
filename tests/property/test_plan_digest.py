"""The same observation gives the same plan, byte for byte, in this process and in any other."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from remediations.engine.observe.observation import load_observation, save_observation
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.errors import Refused
from remediations.playbooks.chain.baseline import ChainBaseline
from remediations.systems.comet.reading import CometReading, comet_reading, sealed
from remediations.values.part import Part
from remediations.values.wire import canonical, decode
from tests import worlds
from tests.unit.plan.cases import compiled, missing, plan_of, quorum_lost
from tests.worlds import healthy

POWERS = st.lists(st.integers(1, 10**12), min_size=2, max_size=8)
QUICK = settings(max_examples=30)
SEEDS = ("1", "4242")

IN_ANOTHER_PROCESS = """
import sys
from pathlib import Path
from tests.property.test_plan_digest import digests
print(*digests(Path(sys.argv[1])))
"""


@st.composite
def broken(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The powers of a chain, and which of its validators are stopped."""
    powers = draw(POWERS)
    names = [f"val{i}" for i in range(1, len(powers) + 1)]
    down = draw(st.lists(st.sampled_from(names), unique=True, min_size=1))
    return tuple(powers), tuple(down)


Broken = tuple[tuple[int, ...], tuple[str, ...]]


def world_of(case: Broken) -> CometReading:
    """The world, through its file: no two readings are one object there."""
    powers, down = case
    return decode(canonical(missing(healthy(powers), *down)), CometReading)


def planned(world: CometReading) -> Plan:
    """The plan of INC-001, or nothing to test."""
    try:
        return plan_of(world)
    except Refused:
        assume(False)
        raise


def digests(file: Path) -> list[str]:
    """The digests of the plans for a saved observation: with the true compiler, and a plain one."""
    observation = comet_reading(load_observation(file))
    return [plan_digest(compiled(observation)), plan_digest(plan_of(observation))]


@given(broken())
@QUICK
def test_same_observation_same_bytes(case: Broken) -> None:
    """Planning twice, also from the saved observation, gives the same bytes; they round-trip."""
    plan = planned(world_of(case))
    data = canonical(plan)
    assert canonical(planned(world_of(case))) == data
    assert decode(data, Plan) == plan


@given(broken(), st.integers(0, 10**6))
@QUICK
def test_digest_covers_what_was_observed(case: Broken, extra: int) -> None:
    """One other height, and it is another plan."""
    plan = planned(world_of(case))
    stood = plan.baseline[0]
    height = str(int(stood.value["height"]) + 1 + extra)
    other = Part(kind=stood.kind, value={**stood.value, "height": height})
    mutant = replace(plan, baseline=(other, *plan.baseline[1:]))
    assert plan_digest(mutant) != plan_digest(plan)


@given(broken())
@QUICK
def test_only_what_is_down_is_acted_on(case: Broken) -> None:
    """Whatever the powers: acted hosts are those that answer nothing, and power adds up."""
    world = world_of(case)
    plan = planned(world)
    assert all(not worlds.answers(world.host(host)) for host in plan.targets)
    power = [stage.impacts[0] for stage in plan.stages]
    for before, after in pairwise(power):
        assert before.after == after.before
    if power:
        stood = plan.part(ChainBaseline)
        assert power[0].before == stood.online_power
        assert 3 * power[-1].after > 2 * stood.total_power


def test_same_bytes_in_other_processes(tmp_path: Path) -> None:
    """Neither the process nor its hash seed is part of a plan."""
    file = tmp_path / "lost.json"
    save_observation(sealed(quorum_lost()), file)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", IN_ANOTHER_PROCESS, str(file)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
        )
        for seed in SEEDS
    ]
    answers = [child.communicate(timeout=120)[0].split() for child in children]
    assert len(answers[0]) == 2
    assert answers == [digests(file)] * len(SEEDS)
