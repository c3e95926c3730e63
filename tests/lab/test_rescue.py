"""Faults that end in a restart: broken, rescued by command line, and the world asserted."""

from __future__ import annotations

from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import Operator
from tests.lab.truth import rescued


def test_quorum_lost_by_two_validators(lab: Lab, operator: Operator) -> None:
    """40 of 100 stopped: both are started together, and the chain goes on."""
    lab.break_stop("val2", "val4")
    lab.wait_stalled()
    finding = operator.diagnose()
    assert (finding["chain"], finding["halted"]) == ("quorum-lost", "yes")
    assert finding["online_power"] == "60"
    with rescued(lab, "val2", "val4"):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why
    assert said.document["outcome"] == "ok"


@full_lab
def test_report_goes_on_to_the_end_of_the_checks(lab: Lab, operator: Operator) -> None:
    """Blocks that come while the checks wait for them are in report and plot; a verification later
    changes neither."""
    lab.break_stop("val2", "val4")
    lab.wait_stalled()
    with rescued(lab, "val2", "val4"):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why
    run = said.result["run"]
    report = operator.says("report", run).result["report"]
    proof = report["proof"]
    heights = [
        int(point["value"])
        for sample in proof["samples"]
        for point in sample["sight"]["points"]
        if (point["series"], point["subject"]) == ("height", "val1")
    ]
    assert heights == sorted(heights)
    assert heights[-1] >= heights[0] + 3
    assert {end["outcome"] for end in proof["verification"]["checks"]} == {"passed"}
    assert int(report["apply_to_checked_ms"]) > int(report["apply_to_gate_ms"])
    assert operator.says("verify", run).code == 0
    again = operator.says("report", run).result["report"]
    assert (again["proof"], len(again["verifications"])) == (proof, 2)


@full_lab
def test_quorum_lost_by_a_frozen_validator(lab: Lab, operator: Operator) -> None:
    """A frozen validator of 40 halts the chain while its unit says active; it is restarted."""
    lab.break_freeze("val1")
    lab.wait_stalled()
    assert operator.conditions()["val1"] == "frozen"
    with rescued(lab, "val1"):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why


@full_lab
def test_minority_is_restarted_while_the_chain_goes_on(lab: Lab, operator: Operator) -> None:
    """10 of 100 stopped: blocks go on, one at a time, smallest first."""
    lab.break_stop("val4")
    with rescued(lab, "val4", goes_on=True):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why
    assert lab.grows()


@full_lab
def test_full_node_down(lab: Lab, operator: Operator) -> None:
    """A full node has no power: INC-001 has nothing to do, node-down starts it."""
    lab.break_stop("full1")
    assert operator.plan("INC-001").code == 4
    with rescued(lab, "full1", goes_on=True):
        said = operator.rescue("node-down")
        assert said.code == 0, said.why


@full_lab
def test_zombie_after_a_full_disk(lab: Lab, operator: Operator) -> None:
    """The disk was full, consensus died, the process stays: refused until there is room, then
    restarted."""
    lab.break_disk_full("val3")
    lab.wait_height(lab.world.top() + 3, 30, "val1", "val2", "val4")
    refused = operator.plan("INC-001")
    assert refused.code == 4, refused.document
    lab.free_disk("val3")
    with rescued(lab, "val3", goes_on=True):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why


@full_lab
def test_wrapper_that_outlived_its_daemon(lab: Lab, operator: Operator) -> None:
    """The unit is active, its daemon was killed within it: the unit is restarted."""
    lab.break_wrapped("val4")
    lab.wait_height(lab.world.top() + 6, 60, "val1")
    assert operator.conditions()["val4"] == "wrapper-alone"
    with rescued(lab, "val4", goes_on=True):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why


@full_lab
def test_unit_failed_after_a_crash_loop(lab: Lab, operator: Operator) -> None:
    """systemd gave up on it; the cause is gone: the failure is reset and the unit started."""
    lab.break_start_limit("val4")
    with rescued(lab, "val4", goes_on=True):
        said = operator.rescue("node-down")
        assert said.code == 0, said.why


@full_lab
def test_unit_disabled(lab: Lab, operator: Operator) -> None:
    """A disabled unit is started, stays disabled, and the plan says so."""
    lab.break_disable("val4")
    planned = operator.plan("node-down")
    assert any("disabled" in text for text in planned.result["plan"]["warnings"])
    with rescued(lab, "val4", goes_on=True):
        said = operator.rescue("node-down")
        assert said.code == 0, said.why
    assert lab.systemctl("val4", "is-enabled", lab.unit("val4"), check=False).strip() == "disabled"


@full_lab
def test_standby_is_started_only_when_named(lab: Lab, operator: Operator) -> None:
    """A keyless standby is stopped on purpose: nothing is wrong until somebody names it."""
    lab.wait_height(6, 30)
    assert operator.plan("node-down").code == 0
    with rescued(lab, "standby1", goes_on=True):
        said = operator.rescue("node-down", "--limit", "standby1")
        assert said.code == 0, said.why
    assert lab.world.height("standby1") is not None


@full_lab
def test_host_that_lost_its_power(lab: Lab, operator: Operator) -> None:
    """The power came back, the disabled unit did not: it is started."""
    lab.systemctl("val4", "disable", "--quiet", lab.unit("val4"))
    lab.break_power("val4", back=True)
    with rescued(lab, "val4", goes_on=True):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why
