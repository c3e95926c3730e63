"""The tables over conditions and classes are whole, and do not contradict themselves."""

from __future__ import annotations

import pytest

from remediations.engine.find.finding import Health
from remediations.playbooks.chain.classes import CLASSES, ChainClass
from remediations.playbooks.chain.conditions import CONDITIONS, Cure, NodeCondition


def test_every_condition_and_class_has_a_row() -> None:
    """Nothing falls back to a default that nobody chose."""
    assert [*CONDITIONS] == [*NodeCondition]
    assert [*CLASSES] == [*ChainClass]


@pytest.mark.parametrize("condition", NodeCondition)
def test_what_is_not_well_has_a_cure_or_advice(condition: NodeCondition) -> None:
    """An operator is never told that a node is down, and nothing else."""
    rule = condition.rule
    assert (rule.cure is None and not rule.by_hand) == (
        rule.health is Health.WELL and condition is not NodeCondition.STANDBY
    )
    assert not (rule.cure and rule.by_hand)


@pytest.mark.parametrize("condition", NodeCondition)
def test_what_runs_well_is_never_acted_on(condition: NodeCondition) -> None:
    """A start or a restart is for processes that are absent or dead."""
    assert not (condition.rule.running and condition.rule.cure)
    assert not condition.rule.names_process or condition.rule.cure is Cure.RESTART


@pytest.mark.parametrize("chain", ChainClass)
def test_every_class_has_a_next_step(chain: ChainClass) -> None:
    """Either a playbook or a sentence; only what is undetermined follows from the readings."""
    rule = chain.rule
    assert bool(rule.playbook) + bool(rule.next_step) == (chain is not ChainClass.UNDETERMINED)
