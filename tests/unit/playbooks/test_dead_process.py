"""A process that is there but dead is planned as a restart of exactly that invocation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remediations.engine.catalogue import named
from remediations.engine.plan.planning import make_plan
from remediations.machine.config import MachineConfig
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.reading import CometReading, sealed
from remediations.values.reading import Known
from tests import worlds
from tests.unit.plan.cases import ORIGIN, TOOL


@pytest.mark.parametrize("kind", [worlds.zombie, worlds.frozen])
def test_a_dead_process_can_be_planned(kind: Callable[[CometReading, str], CometReading]) -> None:
    """The compiler takes the invocation of every world, as systemd writes it."""
    world = kind(worlds.healthy(), "val4")
    plan = make_plan(
        named("node-down", MachineConfig()).playbook,
        None,
        sealed(world),
        diagnose(world),
        frozenset(),
        tool=TOOL,
        origin=ORIGIN,
    )
    assert plan.blocked == ()
    ((command,),) = [stage.commands for stage in plan.stages]
    unit = world.host("val4").unit
    assert isinstance(unit, Known)
    assert command.operation == "node.restart"
    assert f"invocation={unit.value.invocation}\n" in command.text
