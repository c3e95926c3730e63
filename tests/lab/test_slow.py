"""Blocks that come too late: the proposer is named, and brought back by the name of the alert; what
keeps a node waiting that is well is named, and nothing is restarted for it."""

from __future__ import annotations

import time

from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import LOOKS, Json, Operator
from tests.lab.shell import LabError
from tests.lab.spec import NODES
from tests.lab.truth import rescued

TURNS = 22
"""More blocks than one look shows."""
SQUEEZED_BLOCKS = 8
REFUSED = 4
POWERS = {spec.name: spec.node.power for spec in NODES if spec.node is not None}
LATE = "val2 (30 power) proposed 0 of the last"


def late(operator: Operator) -> Json:
    """The finding that names whose turns pass."""
    for _ in range(LOOKS):
        finding = operator.diagnose()
        if finding["chain"] == "degraded" and LATE in finding["explanation"]:
            return finding
    raise LabError(f"{finding['chain']}: {finding['explanation']}")


@full_lab
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


@full_lab
def test_a_quota_makes_blocks_late(lab: Lab, operator: Operator) -> None:
    """70 of 100 get almost no processor, and every block waits for them. The quota is named with
    its unit; no plan restarts what is well; without the quota blocks come as before."""
    squeezed = ("val1", "val2")
    before = lab.world.daemons()
    squeeze(lab, *squeezed)
    finding = slow(operator)
    for host in squeezed:
        unit = lab.unit(host)
        assert f"{host} ({POWERS[host]} power): its daemon waits" in finding["explanation"]
        assert f"CPUQuota of {unit} is" in finding["explanation"]
        assert f"set-property {unit} CPUQuota=" in finding["next_step"]
    said = operator.plan("ChainBlockTimeSlow")
    assert said.code == REFUSED, said.document
    assert lab.world.daemons() == before
    lab.heal()
    assert lab.grows(seconds=30, blocks=10)
    assert lab.world.daemons() == before


def squeeze(lab: Lab, *hosts: str) -> None:
    """Less and less, until a block takes two seconds: how much that is depends on the machine."""
    for percent in (8, 4, 2, 1):
        for host in hosts:
            lab.break_cpu(host, percent)
        height = lab.world.top()
        time.sleep(2.0 * SQUEEZED_BLOCKS)
        if lab.world.top() <= height + SQUEEZED_BLOCKS:
            return
    raise LabError("blocks come as before")


def slow(operator: Operator) -> Json:
    """The finding once half of the blocks that are read were late."""
    for _ in range(2 * LOOKS):
        finding = operator.diagnose()
        if finding["chain"] == "slow" and "CPUQuota" in finding["explanation"]:
            return finding
    raise LabError(f"{finding['chain']}: {finding['explanation']}")
