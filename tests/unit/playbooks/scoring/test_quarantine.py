"""Whoever cannot match is taken out of scoring by the means that its operator named."""

from __future__ import annotations

import pytest

from remediations.playbooks.scoring.conditions import ScorerCondition
from remediations.playbooks.scoring.quarantine import by_hand_of, take_out
from tests.worlds import scoring as world
from tests.worlds.base import known

MEANS = "scoring = off in /etc/virtengine/scoring.toml, then restart virtengined"


def test_the_means_that_the_inventory_names() -> None:
    """In its words; where there are none, that is what is said."""
    assert take_out(world.declared(quarantine=MEANS)) == f"take it out of scoring ({MEANS})"
    assert "`scoring: {quarantine: …}` names none" in take_out(world.declared())


@pytest.mark.parametrize("condition", list(ScorerCondition))
def test_only_whom_nothing_else_helps(condition: ScorerCondition) -> None:
    told = by_hand_of(condition, world.declared(quarantine=MEANS))
    assert (MEANS in told) is condition.rule.quarantine
    assert told.endswith(condition.rule.by_hand)


def test_a_finding_says_it_of_a_host_on_other_processors() -> None:
    machine = known(world.machine("avx2", "avx512f", "fma"))
    other = {"machine": machine, "asks": known(world.OTHERWISE)}
    finding = world.concluded({"val4": other}, scoring=world.declared(quarantine=MEANS))
    assert finding.scorer("val4").condition is ScorerCondition.CPU_CLASS
    assert finding.scorer("val4").by_hand.startswith(f"take it out of scoring ({MEANS}); ")
