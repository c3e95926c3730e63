"""A node that is held because its key must not sign there: what is said of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.present import present
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.values.reading import Known, Why
from tests import worlds
from tests.worlds import BEGAN, HEIGHT, address_of, duplicated, healthy, stopped
from tests.worlds.keys import held_second, signed
from tests.worlds.signing import of_others, powerless, runs_twice, said, signed_twice


def a_held_copy() -> CometReading:
    """The standby with the key of val4 is held; val4 goes on."""
    return held_second(duplicated(healthy(), "val4", "standby1"), "standby1")


def both_held(own: int = HEIGHT, other: int = HEIGHT + 1) -> CometReading:
    """val4 and the standby with its key are held, with these sign states."""
    world = held_second(a_held_copy(), "val4")
    return signed(signed(world, "val4", own), "standby1", other)


def test_the_one_that_goes_on_is_well() -> None:
    """Its key lies on another host, where nobody can start it."""
    finding = diagnose(a_held_copy())
    assert finding.node("val4").condition is NodeCondition.HEALTHY
    node = finding.node("standby1")
    assert node.condition is NodeCondition.HELD
    assert node.held
    assert "holds it since 2026-11-25 11:57:59 UTC" in node.cause
    assert node.by_hand.startswith("Leave it so: val4 goes on with its key. Move config/")
    assert present(finding).playbook == ""
    assert finding.next_step.startswith("standby1: Leave it so")


@pytest.mark.parametrize(
    ("own", "other", "says"),
    [
        (HEIGHT + 1, HEIGHT, "the newest sign state is here (val4 114/0/3, standby1 113/0/3)"),
        (HEIGHT, HEIGHT + 1, "the newest sign state is on standby1"),
        (HEIGHT, HEIGHT, "the newest sign state is here"),
    ],
)
def test_where_both_are_held_it_says_which_copy_is_the_newest(
    own: int, other: int, says: str
) -> None:
    """And that it is carried to the one that is to sign, never the older one."""
    node = diagnose(both_held(own, other)).node("val4")
    assert node.condition is NodeCondition.HELD
    assert says in node.by_hand
    assert "remediate plan node-down --limit val4" in node.by_hand
    assert ("copy its data/priv_validator_state.json here" in node.by_hand) == (other > own)


def test_an_unknown_sign_state_is_to_be_found_first() -> None:
    """It may be the newest."""
    state = worlds.unknown("permission denied", Why.REFUSED)
    world = worlds.change(both_held(), "standby1", lambda r: replace(r, sign_state=state))
    assert "Find the sign state of standby1 first" in diagnose(world).node("val4").by_hand


def test_a_validator_that_was_stopped_alone_waits_for_the_second_holder() -> None:
    """Its own journal says so for weeks; the hold does, too."""
    world = held_second(signed_twice(healthy(), "val4", ago=timedelta(minutes=3)), "val4")
    finding = diagnose(world)
    node = finding.node("val4")
    assert finding.chain is ChainClass.DEGRADED
    assert node.condition is NodeCondition.HELD
    assert "no other holder is known" in node.cause
    assert "until the second holder of its key is found" in node.by_hand
    assert present(finding).playbook == ""


def test_out_of_the_set_it_does_not_come_back() -> None:
    """Whoever holds it."""
    world = held_second(powerless(runs_twice(healthy(), "val4", "full1"), "val4"), "full1")
    node = diagnose(world).node("full1")
    assert node.condition is NodeCondition.HELD
    assert "Do not unjail it." in node.by_hand


def test_what_is_older_than_the_hold_is_over() -> None:
    """Others tell of a vote for some seconds; a younger sign is yet another holder."""
    since = BEGAN - timedelta(minutes=2)
    line = of_others(address_of(4))

    def told(ago: timedelta) -> CometReading:
        copy = duplicated(healthy(), "val4", "standby1")
        return held_second(said(copy, "val1", line, ago=ago), "standby1", since=since)

    for ago in (timedelta(minutes=3), timedelta(seconds=100)):
        assert diagnose(told(ago)).chain is not ChainClass.DOUBLE_SIGNING
    again = diagnose(told(timedelta(seconds=5)))
    assert again.chain is ChainClass.DOUBLE_SIGNING
    assert again.next_step == "remediate plan double-sign"
    assert again.node("val4").condition is NodeCondition.DOUBLE_SIGNING


@pytest.mark.parametrize("note", ["", "rolled-back:112:AB", "second-signer:X:1", "second-signer"])
def test_another_hold_says_nothing_of_keys(note: str) -> None:
    """It is let go where others are started, as before."""

    def hold(reading: HostReading) -> HostReading:
        assert isinstance(reading.unit, Known)
        unit = replace(reading.unit.value, held=True, hold_note=note)
        return replace(reading, unit=worlds.known(unit))

    finding = diagnose(worlds.change(stopped(healthy(), "val4"), "val4", hold))
    assert finding.node("val4").condition is NodeCondition.HELD
    assert finding.next_step == "remediate plan node-down"


def test_a_copy_whose_unit_is_masked_is_left_so() -> None:
    """Nobody starts it either, and that it is masked is somebody's decision."""
    world = worlds.disabled(healthy(), "full1", enabled="masked")
    finding = diagnose(duplicated(world, "val4", "full1"))
    node = finding.node("full1")
    assert node.condition is NodeCondition.DISABLED
    assert node.cause.startswith("its unit is masked; its key")
    assert node.by_hand.startswith("Leave it so: val4 goes on with its key.")
    assert finding.node("val4").condition is NodeCondition.HEALTHY
    assert present(finding).playbook == ""
