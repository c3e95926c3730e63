"""What the diagnosis says of faults on real hosts, where the refusals do not show it."""

from __future__ import annotations

import time

from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import Json, Operator


def node(finding: Json, host: str) -> Json:
    """The finding about one host."""
    found: Json = next(n for n in finding["nodes"] if n["host"] == host)
    return found


def test_healthy_chain_needs_nothing(lab: Lab, operator: Operator) -> None:
    """All is well: exit 0 everywhere, and no plan. A daemon that was killed is back by itself."""
    lab.break_kill("val3")
    lab.wait_height(lab.world.top() + 6, 40)
    said = operator.says("diagnose")
    assert (said.code, said.chain["chain"]) == (0, "healthy"), said.chain["explanation"]
    assert said.chain["online_power"] == "100"
    planned = operator.plan("INC-001")
    assert planned.code == 0
    assert planned.result["run"] is None


@full_lab
def test_lost_login_is_not_a_lost_daemon(lab: Lab, operator: Operator) -> None:
    """SSH is down on the largest validator, which goes on signing: the chain is not halted, the
    power is all there, and nothing is planned for a host that cannot be reached."""
    lab.break_ssh("val1")
    finding = operator.diagnose()
    assert finding["halted"] == "no"
    assert finding["online_power"] == "100"
    assert node(finding, "val1")["condition"] == "unreachable"
    assert operator.plan("node-down").code == 4


@full_lab
def test_lying_node_is_not_a_witness(lab: Lab, operator: Operator) -> None:
    """A node that says another height than the chain has does not decide, and is named."""
    lab.break_lie("val3", lab.world.top() + 500)
    finding = operator.diagnose()
    assert "val3" not in finding["witnesses"]
    assert finding["halted"] == "no"
    assert int(finding["height"]) < lab.world.top() + 100


@full_lab
def test_silent_rpc_costs_its_power_when_restarted(lab: Lab, operator: Operator) -> None:
    """An RPC that hangs looks frozen, but the node's votes are seen: it counts as online, so that a
    restart of 40 of 100 is refused while it would halt the chain."""
    lab.break_rpc_hangs("val1")
    finding = operator.diagnose()
    assert finding["halted"] == "no"
    assert "val1" in finding["voting"]
    planned = operator.plan("INC-001")
    assert planned.code == 4, planned.document
    assert lab.grows()


@full_lab
def test_upgrade_is_called_by_its_name(lab: Lab, operator: Operator) -> None:
    """At the upgrade's height every node stops: no restart is offered."""
    at = lab.world.top() + 25
    lab.break_upgrade(at=at)
    lab.wait_height(at, 60, "val1")
    lab.wait_stalled(seconds=6)
    finding = operator.diagnose()
    assert finding["chain"] == "upgrade-needed", finding["explanation"]
    assert operator.plan("INC-001").code == 4


@full_lab
def test_broken_configuration_is_not_restarted(lab: Lab, operator: Operator) -> None:
    """A daemon that cannot read its configuration: the cause stands beside its name."""
    lab.break_config("val4")
    time.sleep(8)
    finding = operator.diagnose()
    found = node(finding, "val4")
    assert found["condition"] == "obstructed", found
    assert "config" in found["cause"] or "toml" in found["cause"].lower(), found
    assert "compare with another node" in found["by_hand"]
    assert operator.plan("node-down").code == 4


@full_lab
def test_clock_far_off_blocks_a_start(lab: Lab, operator: Operator) -> None:
    """G37: a host whose clock is a minute off is not started. (The lab's substitute: what a login
    reads is off, since hosts here share one clock.)"""
    lab.break_stop("val4")
    lab.break_clock("val4", 60)
    said = operator.plan("INC-001")
    assert said.code == 4, said.document
    blocked = {g["id"] for g in said.result["plan"]["guards"] if g["outcome"] != "pass"}
    assert "G37" in blocked


@full_lab
def test_saved_observation_gives_the_same_answer_elsewhere(lab: Lab, operator: Operator) -> None:
    """--save, then --from with the lab's nodes up again: the finding is that of the reading, and
    the same reading gives the same plan, byte for byte."""
    lab.break_stop("val2", "val4")
    lab.wait_stalled(seconds=6)
    file = str(operator.state / "observation.json")
    live = operator.says("diagnose", "--save", file).result
    lab.heal()
    assert operator.says("diagnose", "--from", file).result == live
    first, second = (operator.plan("INC-001", "--from", file).result for _ in range(2))
    assert first["digest"] == second["digest"]
    assert first["plan"] == second["plan"]
