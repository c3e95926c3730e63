"""What a person is told to do can be done as it stands, and leads out."""

from __future__ import annotations

import re

import pytest

from remediations.playbooks.chain.classes import CLASSES
from remediations.playbooks.chain.conditions import CONDITIONS, NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.doctor.chain_lines import DISABLE
from remediations.playbooks.chain.finding import ChainFinding
from tests import worlds
from tests.worlds import healthy

HALT = "halt per configuration height 114 time 0"
UNIT = "virtengine.service"


def stopped_at_their_height(**settings: int) -> ChainFinding:
    """val1 and val2, 70 of 100 power, reached it; their processes run on with consensus dead."""
    world = worlds.panicked(healthy(), "val1", "val2", lines=(HALT,))
    for host in ("val1", "val2"):
        world = worlds.configured(world, host, **settings)
    return diagnose(world)


def test_a_unit_that_still_runs_is_restarted() -> None:
    """A start does nothing to it. A plan does all of it, and each host says how it is done by
    hand."""
    finding = stopped_at_their_height(halt_height=114)
    assert finding.next_step == "remediate plan INC-001"
    said = finding.node("val1").by_hand
    assert said.startswith("Set halt-height = 0 and halt-time = 0 in app.toml ")
    assert f"then `sudo systemctl restart {UNIT}` (" in said


def test_a_file_that_is_mended_already_is_not_mended_again() -> None:
    """Only the process does not know of it."""
    said = stopped_at_their_height(halt_height=0, halt_time=0).node("val2").by_hand
    assert said.startswith("halt-height and halt-time are 0 already, ")
    assert f"`sudo systemctl restart {UNIT}` (" in said
    assert "app.toml" not in said


def test_a_key_on_two_hosts_is_taken_from_one_by_commands_that_work() -> None:
    """With the unit of that host."""
    said = diagnose(worlds.duplicated(healthy(standby=1), "val4", "standby1")).node("standby1")
    assert said.by_hand.startswith("Leave val4 alone.")
    assert f"`sudo systemctl disable --now {UNIT}`; then move config/priv_" in said.by_hand


ADVICE = {
    **{str(condition): rule.by_hand for condition, rule in CONDITIONS.items()},
    **{f"class {chain}": rule.next_step for chain, rule in CLASSES.items()},
    "doctor": DISABLE,
}


@pytest.mark.parametrize("advice", ADVICE.values(), ids=ADVICE)
def test_no_advice_is_one_that_fails_as_written(advice: str) -> None:
    """systemd refuses to mask a unit whose file is in /etc; a start does nothing to what runs."""
    assert not re.search(r"\bmask", advice)
    assert "systemctl start" not in advice


def test_every_unit_in_an_advice_is_named() -> None:
    """No screen shows the placeholder."""
    for condition in (NodeCondition.DEPENDENCY_FAILS, NodeCondition.OBSTRUCTED):
        assert "UNIT" in condition.rule.by_hand
    gone = 'CONSENSUS FAILURE!!! err="Post \\"http://[::1]:1\\": connect: connection refused"'
    finding = diagnose(worlds.panicked(healthy(), "val1", "val2", "val3", "val4", lines=(gone,)))
    assert {f"restart {UNIT}" in node.by_hand for node in finding.nodes if node.by_hand} == {True}
    assert not any("UNIT" in node.by_hand for node in finding.nodes)
