"""Right before applying: an unchanged world holds, and every change is named three ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from remediations.engine.plan.build import PlanBuilder
from remediations.engine.plan.plan import Plan
from remediations.engine.plan.recheck import recheck
from remediations.errors import WorldChanged
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.comet.sign_state import SignState
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.systems.hosts.values import ConsensusKey
from remediations.values.reading import Known
from tests import worlds
from tests.unit.plan.cases import (
    compiled,
    maker_of,
    missing,
    plan_of,
    quorum_lost,
    still_holds,
    wrong_clock,
)
from tests.worlds import healthy

Change = Callable[[CometReading], CometReading]


@pytest.fixture(scope="module")
def plan() -> Plan:
    """A plan as the compiler makes it: val1, 40 of 100 power, is started."""
    return compiled(quorum_lost())


@pytest.fixture(scope="module")
def maker() -> Iterator[PlanBuilder]:
    """What is installed here, with one compiler for all tests."""
    with Compiler() as compiler:
        yield maker_of(compiler)


def on(how: Callable[[HostReading], HostReading]) -> Change:
    """val1 reads otherwise."""
    return lambda world: worlds.change(world, "val1", how)


def unit(**fields: object) -> Change:
    """The unit of val1 reads otherwise."""

    def how(reading: HostReading) -> HostReading:
        assert isinstance(reading.unit, Known)
        return replace(reading, unit=worlds.known(replace(reading.unit.value, **fields)))

    return on(how)


def no_sudo(reading: HostReading) -> HostReading:
    assert isinstance(reading.session, Known)
    return replace(reading, session=worlds.known(replace(reading.session.value, sudo=False)))


def key(address: str) -> Change:
    return on(
        lambda reading: replace(
            reading, key=worlds.known(ConsensusKey(address=address, node_key=True))
        )
    )


CHANGES: tuple[tuple[str, str, Change], ...] = (
    ("chain.class", "healthy", lambda _: healthy()),
    ("chain.online_power", "50", lambda _: missing(healthy(), "val1", "val4")),
    ("val1.sudo", "False", on(no_sudo)),
    ("val1.unit", "other.service", unit(name="other.service")),
    ("val1.home", "/srv/other", unit(home="/srv/other")),
    ("val1.address", worlds.address_of(9), key(worlds.address_of(9))),
    ("val1.sign_state", "112/0/3", lambda world: worlds.sign_state(world, "val1", 112)),
    ("val1.sign_state", "unknown", lambda world: worlds.sign_state_missing(world, "val1")),
    ("val1.config", "halt_height=5", lambda world: worlds.configured(world, "val1", halt_height=5)),
    ("val1.down", "healthy", lambda _: worlds.frozen(healthy(), "val2")),
)


def test_unchanged_world_holds(plan: Plan, maker: PlanBuilder) -> None:
    """The same world, read again the quick way, still gives the approved bytes."""
    assert still_holds(plan, worlds.deciding(quorum_lost()), maker)


def test_risen_sign_state_holds(plan: Plan, maker: PlanBuilder) -> None:
    """The node may have signed on before it fell: the approved floor is lower, and stays."""
    state = SignState(height=worlds.HEIGHT + 1, round=0, step=2, block="", signed_at=worlds.BEGAN)
    risen = on(lambda r: replace(r, sign_state=worlds.known(state)))
    assert still_holds(plan, risen(quorum_lost()), maker)


@pytest.mark.parametrize(
    ("fact", "now", "change"), CHANGES, ids=[f"{fact}-{now[:9]}" for fact, now, _ in CHANGES]
)
def test_changed_fact_is_named(
    plan: Plan, maker: PlanBuilder, fact: str, now: str, change: Change
) -> None:
    """Planned, now, and why it matters; nothing was changed."""
    planned = next(f for f in plan.facts if f.name == fact)
    with pytest.raises(WorldChanged) as changed:
        recheck(plan, sealed(change(quorum_lost())), maker)
    lines = changed.value.got.split("; ")
    line = next(part for part in lines if part.startswith(f"{fact}: "))
    assert f"planned {planned.value}, now " in line
    assert now in line.partition(", now ")[2]
    assert line.endswith(f"({planned.why})")
    assert "Nothing was changed" in changed.value.what


def test_node_that_came_back_is_named(plan: Plan, maker: PlanBuilder) -> None:
    """Somebody started it meanwhile: a start is not needed any more."""
    with pytest.raises(WorldChanged) as changed:
        recheck(plan, sealed(healthy()), maker)
    assert "val1.down: planned down, now healthy" in changed.value.got


def test_guard_that_blocks_now_is_named(plan: Plan, maker: PlanBuilder) -> None:
    """Facts hold, but a guard does not: still nothing is done."""
    with pytest.raises(WorldChanged) as changed:
        recheck(plan, sealed(wrong_clock(quorum_lost(), "val1")), maker)
    assert changed.value.got.startswith("G37 val1: planned pass, now 10000 ms")


def test_another_way_of_being_down_is_other_commands(plan: Plan, maker: PlanBuilder) -> None:
    """Stopped when planned, frozen now: it would have to be restarted, which nobody approved."""
    frozen = on(
        lambda r: replace(
            r, sign_state=worlds.known(SignState(height=113, round=0, step=3, block=""))
        )
    )(worlds.frozen(healthy(), "val1"))
    with pytest.raises(WorldChanged) as changed:
        recheck(plan, sealed(frozen), maker)
    assert "val1.invocation: planned , now 7d4a" in changed.value.got


def test_other_commands_are_refused(maker: PlanBuilder) -> None:
    """A plan whose bytes are not what this version compiles is not applied."""
    with pytest.raises(WorldChanged) as changed:
        recheck(plan_of(quorum_lost()), sealed(quorum_lost()), maker)
    assert "stages[1].steps[1-0].payload" in changed.value.got
    assert "only what was approved is applied" in changed.value.got
