"""Blocks that come too late: the proposer is named, and brought back by the name of the alert."""

from __future__ import annotations

from tests.lab.lab import Lab
from tests.lab.operator import Json, Operator
from tests.lab.shell import LabError
from tests.lab.truth import rescued

LOOKS = 6
"""A reading of a busy machine may lack something: then one looks again."""
TURNS = 22
"""More blocks than one look shows."""
LATE = "val2 (30 power) proposed 0 of the last"


def late(operator: Operator) -> Json:
    """The finding that names whose turns pass."""
    for _ in range(LOOKS):
        finding = operator.diagnose()
        if finding["chain"] == "degraded" and LATE in finding["explanation"]:
            return finding
    raise LabError(f"{finding['chain']}: {finding['explanation']}")


def test_a_frozen_proposer_makes_blocks_late(lab: Lab, operator: Operator) -> None:
    """30 of 100: blocks go on, and each of its turns waits for it. It alone is restarted, and
    proposes again."""
    lab.break_freeze("val2")
    lab.wait_height(lab.world.top() + TURNS, 150, "val1", "val3", "val4")
    finding = late(operator)
    assert {n["host"]: n["condition"] for n in finding["nodes"]}["val2"] == "frozen"
    with rescued(lab, "val2"):
        said = operator.rescue("ChainBlockTimeSlow")
        assert said.code == 0, said.why
    plan = operator.says("show", "last").result["plan"]
    assert (plan["playbook"], plan["branch"]) == ("slow-blocks", "restart-node")
    lab.wait_height(lab.world.top() + TURNS, 150, "val2")
    assert LATE not in operator.diagnose()["explanation"]
