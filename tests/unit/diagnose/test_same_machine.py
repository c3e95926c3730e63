"""One machine under two names, and two machines with one key: they look alike, and are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import Outcome
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.diagnose.machines import machines_of
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.discover.proposal import propose
from remediations.playbooks.chain.doctor.chain_lines import chain_lines
from remediations.playbooks.chain.doctor.world import believed_power
from remediations.systems.comet.inventory import NodeEntry, with_node
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.values.inventory import HostEntry
from remediations.values.reading import Known
from tests import worlds
from tests.unit.plan.cases import case_of
from tests.worlds import duplicated, healthy, stopped
from tests.worlds.signing import named_twice

TWO = ("val1", "validator-one")
MANY = (50,) * 20 + (5,) * 80


def doctor(world: CometReading) -> dict[str, str]:
    """Topic → what doctor finds and advises, for the chain as a whole."""
    views = [NodeView(reading) for reading in world.hosts]
    power = believed_power(views, world.chain_id)
    return {
        line.topic: f"{line.found}: {line.mend}"
        for line in chain_lines(views, power, machines_of(world))
    }


@pytest.mark.parametrize("powers", [worlds.POWERS, MANY], ids=["4", "100"])
def test_no_key_is_moved(powers: tuple[int, ...]) -> None:
    """It is the only copy, on the only machine: one name has to go, and nothing else."""
    finding = diagnose(named_twice(healthy(powers), *TWO))
    assert finding.chain is ChainClass.DEGRADED
    assert {finding.node(host).condition for host in TWO} == {NodeCondition.SAME_MACHINE}
    assert "Take all but one of its names out of the inventory" in finding.next_step
    assert "move" not in finding.next_step
    assert (finding.total_power, finding.online_power) == (sum(powers), sum(powers))


def test_what_is_wrong_with_the_machine_is_still_said() -> None:
    """It is stopped: once, under its first name."""
    finding = diagnose(named_twice(stopped(healthy(), "val4"), "val4", "validator-four"))
    assert finding.node("val4").condition is NodeCondition.STOPPED
    assert "the same machine as validator-four" in finding.node("val4").cause
    assert finding.node("validator-four").condition is NodeCondition.SAME_MACHINE


def test_a_machine_with_two_names_is_one_witness() -> None:
    """Only val1 answers, twice: one machine's word decides nothing."""
    world = named_twice(healthy(), *TWO)
    for host in ("val2", "val3", "val4", "full1"):
        world = worlds.change(world, host, lambda r: worlds.unreachable_reading(r, "no route"))
    finding = diagnose(world)
    assert finding.witnesses == ("val1",)
    assert finding.chain is ChainClass.UNDETERMINED


def test_nothing_is_done_twice_on_one_machine() -> None:
    """G2 refuses every plan, and says that the two are one machine."""
    world = named_twice(stopped(healthy(), "val4"), "val4", "validator-four")
    guard = next(g for g in case_of(world, "node-down").judge() if g.id == "G2")
    assert guard.outcome is Outcome.BLOCK
    assert guard.got.endswith("which are one machine")
    assert guard.next_step.startswith("take all but one of these names out")


def test_doctor_and_discover_say_so() -> None:
    """Neither calls it a key that lies twice."""
    world = named_twice(healthy(), *TWO)
    lines = doctor(world)
    assert "val1, validator-one are the same machine" in lines["one name, one host"]
    assert "one key, one host" not in lines
    found = {host.name: host for host in propose(world, entries(world)).hosts}
    assert not found["val1"].danger
    assert "the same machine as val1: keep one name" in found["validator-one"].notes


def test_a_copy_of_the_key_is_told_apart() -> None:
    """Another machine with the same key: doctor says which of them runs."""
    lines = doctor(duplicated(healthy(), "val1", "standby1"))
    assert (
        "val1 runs: leave it; on standby1: `sudo systemctl disable --now UNIT`"
        in lines["one key, one host"]
    )
    assert "one name, one host" not in lines


Change = Callable[[HostReading], HostReading]


def in_session(**fields: str) -> Change:
    def how(reading: HostReading) -> HostReading:
        assert isinstance(reading.session, Known)
        return replace(reading, session=worlds.known(replace(reading.session.value, **fields)))

    return how


def in_unit(**fields: str) -> Change:
    def how(reading: HostReading) -> HostReading:
        assert isinstance(reading.unit, Known)
        return replace(reading, unit=worlds.known(replace(reading.unit.value, **fields)))

    return how


@pytest.mark.parametrize(
    "differs",
    [
        in_session(boot_id="another"),
        in_session(machine_id="another"),
        in_unit(name="second.service"),
        in_unit(home="/var/lib/second"),
        in_unit(invocation="f" * 32),
    ],
    ids=["boot", "machine id", "unit", "home", "start of the unit"],
)
def test_what_differs_is_another_machine(differs: Change) -> None:
    """Cloned machines and containers share much: any difference makes it a copy of the key."""
    world = worlds.change(named_twice(healthy(), *TWO), "validator-one", differs)
    finding = diagnose(world)
    assert finding.chain is ChainClass.DOUBLE_SIGNING
    assert finding.node("validator-one").condition is NodeCondition.DOUBLE_SIGNING


def test_units_that_never_started_need_one_address() -> None:
    """Without an id of the start, only where both names lead tells them from clones."""
    world = named_twice(stopped(healthy(), "val4"), "val4", "validator-four")
    for host in ("val4", "validator-four"):
        world = worlds.change(world, host, in_unit(invocation=""))
    assert machines_of(world) == {"val4": "val4", "validator-four": "val4"}
    elsewhere = worlds.login_of("validator-four")
    moved = tuple(elsewhere if one.host == elsewhere.host else one for one in world.logins)
    assert not machines_of(replace(world, logins=moved))


def test_which_copy_runs_is_said() -> None:
    """The one that runs is left alone; on the other the unit is disabled and the key moved."""
    finding = diagnose(duplicated(healthy(), "val1", "standby1"))
    assert "standby1 is stopped, val1 runs" in finding.node("val1").cause
    assert finding.node("val1").by_hand.startswith("Leave this one alone")
    assert finding.node("standby1").by_hand.startswith("Leave val1 alone. Here:")
    assert "mask" not in finding.next_step


def test_a_duplicate_key_does_not_hide_that_nobody_runs() -> None:
    """Its power is missing once, both are stopped, and the next step is not a plan that G2
    refuses."""
    finding = diagnose(duplicated(stopped(healthy(), "val1", "val4"), "val1", "standby1"))
    assert finding.chain is ChainClass.QUORUM_LOST
    assert (
        "standby1 and val1 (40) duplicate-key, none of them runs, val4 (10)" in finding.explanation
    )
    assert finding.next_step == "remediate plan double-sign"
    assert "None of them runs" in finding.node("val1").by_hand


def entries(world: CometReading) -> tuple[HostEntry, ...]:
    return tuple(
        with_node(HostEntry(name=r.host, ssh=r.host), NodeEntry(role=r.role)) for r in world.hosts
    )
