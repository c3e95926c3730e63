"""A process that is there but dead is planned as a restart of exactly that invocation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remediations.engine.plan.planning import make_plan
from remediations.systems.comet.reading import CometReading, sealed
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.systems.hosts.workshop import HOST, made_by
from remediations.values.reading import Known
from tests import worlds
from tests.unit.plan.cases import maker


@pytest.mark.parametrize("kind", [worlds.zombie, worlds.frozen])
def test_a_dead_process_can_be_planned(kind: Callable[[CometReading, str], CometReading]) -> None:
    """The compiler takes the invocation of every world, as systemd writes it."""
    world = kind(worlds.healthy(), "val4")
    with Compiler() as compiler:
        plan = make_plan(
            maker({HOST: made_by(compiler)}, "node-down"), None, sealed(world), frozenset()
        )
    assert plan.blocked == ()
    ((step,),) = [stage.steps for stage in plan.stages]
    unit = world.host("val4").unit
    assert isinstance(unit, Known)
    assert step.operation == "node.restart"
    assert f"invocation={unit.value.invocation}\n" in step.payload
