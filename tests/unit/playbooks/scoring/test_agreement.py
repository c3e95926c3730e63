"""Whose answer is right: by power, a pin, or the golden vectors; and what that makes of all."""

from __future__ import annotations

from typing import Any

import pytest

from remediations.engine.find.finding import Health
from remediations.playbooks.scoring.classes import ScoringClass
from remediations.playbooks.scoring.conditions import ScorerCondition
from remediations.playbooks.scoring.diagnose.conclude import conclude
from remediations.playbooks.scoring.diagnose.reference import Powers
from remediations.playbooks.scoring.finding import Basis
from remediations.playbooks.scoring.present import present
from tests.unit.playbooks.scoring.test_look_alikes import OTHER_DISK, OTHER_LOADED, OTHERWISE
from tests.worlds import scoring as world
from tests.worlds.base import known


def test_without_a_majority_nobody_is_right() -> None:
    """Two against two: each is undecided, and no model is brought to anybody."""
    other = {"asks": OTHERWISE, "loaded": OTHER_LOADED, "disk": OTHER_DISK}
    finding = world.concluded({"val1": other, "val4": other})  # 50 of 100
    assert finding.verdict is ScoringClass.SPLIT
    assert (finding.agreed, finding.model) == ("", "")
    assert {one.condition for one in finding.scorers} == {ScorerCondition.UNDECIDED}
    assert present(finding).health is Health.DOWN


def test_exactly_two_thirds_do_not_agree() -> None:
    reading = world.scorers({"val3": {"asks": OTHERWISE}}, number=3)
    finding = conclude(reading, world.powers((1, 1, 1)))
    assert finding.verdict is ScoringClass.SPLIT


def test_a_pin_decides_where_power_does_not() -> None:
    other = {"asks": OTHERWISE, "loaded": OTHER_LOADED, "disk": OTHER_DISK}
    pinned = world.declared(model=world.MODEL)
    finding = world.concluded({"val1": other, "val4": other}, scoring=pinned)
    assert (finding.model, finding.model_basis) == (world.MODEL, Basis.PIN)
    assert finding.scorer("val1").condition is ScorerCondition.SKEW


def test_power_decides_and_not_the_number_of_hosts() -> None:
    """Three of four hosts are not a majority where the fourth has 40 of 100."""
    other = {"asks": OTHERWISE, "loaded": OTHER_LOADED, "disk": OTHER_DISK}
    finding = world.concluded({"val1": other})
    assert finding.verdict is ScoringClass.SPLIT


def test_what_was_not_read_is_not_counted_against() -> None:
    """50 agree, 10 differ, 40 could not be read: which answer is agreed is not known."""
    unread = {"unit": world.SILENT, "asks": world.SILENT, "disk": world.SILENT}
    finding = world.concluded({"val1": unread, "val4": {"asks": OTHERWISE}})
    assert finding.verdict is ScoringClass.UNREAD


def test_all_agree_otherwise_than_the_vectors() -> None:
    every = {f"val{index}": {"asks": OTHERWISE} for index in range(1, 5)}
    assert world.concluded(every).verdict is ScoringClass.OFF_GOLDEN


def test_without_powers_the_golden_vectors_decide() -> None:
    reading = world.scorers({"val4": {"asks": OTHERWISE}})
    finding = conclude(reading, Powers(of=lambda _host: 0, total=0))
    assert finding.agreed_basis is Basis.GOLDEN
    assert finding.scorer("val4").condition is ScorerCondition.ODD


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({"asks": known(world.answered(ms=900))}, ScoringClass.LATENCY),
        (
            {"counters": world.moments(world.counters(), world.counters(104, queue=40))},
            ScoringClass.BACKLOG,
        ),
    ],
)
def test_a_third_of_the_power_is_systemic(changed: dict[str, Any], verdict: ScoringClass) -> None:
    assert world.concluded({"val2": changed, "val4": changed}).verdict is verdict
    assert world.concluded({"val3": changed, "val4": changed}).verdict is ScoringClass.MINORITY


def test_services_that_were_killed_are_not_slow() -> None:
    """Two of four, where no powers are known: that is no latency."""
    unit = world.unit(active="failed", sub="failed", result="oom-kill")
    killed = {"asks": known(world.REFUSED), "unit": known(unit)}
    reading = world.scorers({"val3": killed, "val4": killed})
    finding = conclude(reading, Powers(of=lambda _host: 0, total=0))
    assert finding.scorer("val4").condition is ScorerCondition.HOST_TROUBLE
    assert finding.verdict is ScoringClass.MINORITY


def test_since_when_the_other_model_is_there() -> None:
    other = {"asks": OTHERWISE, "loaded": OTHER_LOADED, "disk": OTHER_DISK}
    finding = world.concluded({"val4": other})
    assert finding.since == world.unit().since
    group = finding.model_group(world.OTHER)
    assert group is not None
    assert (group.power, group.hosts) == (10, ("val4",))


def test_a_split_of_the_chain_between_the_same_hosts() -> None:
    reading = world.scorers({"val3": {"asks": OTHERWISE}, "val4": {"asks": OTHERWISE}})
    sides = (frozenset({"val1", "val2", "full1"}), frozenset({"val3", "val4"}))
    found = conclude(reading, world.powers(), sides)
    assert found.split_alike
    assert present(found).causes == ("chain",)
    others = (frozenset({"val1", "val3"}), frozenset({"val2", "val4"}))
    elsewhere = conclude(reading, world.powers(), others)
    assert not elsewhere.split_alike
    assert not present(elsewhere).causes
