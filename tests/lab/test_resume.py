"""A run survives its controller: killed at any record, it is resumed, here or on another bastion,
and nothing happens twice. Stopped or abandoned, nothing of it starts any more."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from remediations.engine.runs.records import (
    Event,
    GateWaiting,
    RunBegan,
    RunResumed,
    StepEnded,
    StepStarting,
)
from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import LIMIT_S, Operator
from tests.lab.test_goes_on import SOAK, directory, entries, starts, two_stages, until
from tests.lab.test_trust import ABORTED, PARTLY_APPLIED, WORLD_CHANGED
from tests.lab.truth import rescued

REFUSED = 4
EVERY_RECORD = (RunBegan, StepStarting, StepEnded, GateWaiting)
KILLED_AT: list[object] = [(kind, at) for kind in EVERY_RECORD for at in ("here", "elsewhere")]
if not SOAK:
    rarely = pytest.param(StepStarting, "here", marks=full_lab)
    KILLED_AT = [rarely, (GateWaiting, "elsewhere")]


def killed(operator: Operator, run: str, kind: type[Event]) -> None:
    """Apply a run, and kill -9 the process when its journal has such a record."""
    with operator.start("apply", run) as process:
        until(process, operator, run, kind)
        process.kill()
    assert operator.says("status", run).result["state"] == "unknown"


def elsewhere(lab: Lab, operator: Operator, run: str, state: Path) -> Operator:
    """Somebody at another bastion, who has a copy of the run's directory and nothing else."""
    copy = state / "runs" / run
    shutil.copytree(directory(operator, run).path, copy)
    for path in (state, state / "runs"):
        path.chmod(0o700)
    return Operator(lab, state)


@pytest.mark.parametrize(("kind", "place"), KILLED_AT)
def test_killed_and_resumed(
    lab: Lab, operator: Operator, tmp_path: Path, kind: type[Event], place: str
) -> None:
    """Both validators are back, each started once, and the run is verified."""
    run = two_stages(lab, operator)
    with rescued(lab, "val3", "val4", goes_on=True):
        killed(operator, run, kind)
        second = operator
        if place == "elsewhere":
            second = elsewhere(lab, operator, run, tmp_path / "second")
        said = second.says("resume", run)
        assert said.code == 0, said.why
    assert [starts(lab, operator, run, host) for host in ("val3", "val4")] == [1, 1]
    assert sum(isinstance(e.event, RunResumed) for e in entries(second, run)) == 1
    assert second.says("status", run).result["state"] == "verified"
    assert second.says("resume", run).code == 2
    if place == "elsewhere":
        again = operator.says("resume", run)
        assert again.code == REFUSED, again.document
        assert again.error["guard"] == "newest directory of the run"


@full_lab
def test_a_controller_that_comes_back(lab: Lab, operator: Operator, tmp_path: Path) -> None:
    """Frozen after the first stage, and thawed when another bastion has finished the run: it starts
    nothing, and says so."""
    run = two_stages(lab, operator)
    with (
        rescued(lab, "val3", "val4", goes_on=True),
        operator.start("apply", run, "--json") as frozen,
    ):
        until(frozen, operator, run, GateWaiting)
        frozen.send_signal(signal.SIGSTOP)
        second = elsewhere(lab, operator, run, tmp_path / "second")
        said = second.says("resume", run)
        assert said.code == 0, said.why
        frozen.send_signal(signal.SIGCONT)
        out, err = frozen.communicate(timeout=LIMIT_S)
    assert frozen.returncode == PARTLY_APPLIED, (out, err)
    assert [starts(lab, operator, run, host) for host in ("val3", "val4")] == [1, 1]


@full_lab
def test_a_world_that_changed_before_it_was_resumed(lab: Lab, operator: Operator) -> None:
    """The unit of the validator that is left was masked meanwhile: nothing is started, and the
    refusal says what changed."""
    run = two_stages(lab, operator)
    killed(operator, run, StepEnded)
    lab.break_mask("val3")
    said = operator.says("resume", run)
    assert said.code == WORLD_CHANGED, said.document
    assert "val3" in said.error["got"]
    assert lab.world.daemon("val3") is None
    assert starts(lab, operator, run, "val3") == 0
    assert operator.says("status", run).result["state"] == "stopped"


@pytest.mark.parametrize("place", ["here", "elsewhere"] if SOAK else ["elsewhere"])
def test_stopped_from_another_terminal(
    lab: Lab, operator: Operator, tmp_path: Path, place: str
) -> None:
    """In the middle, here or on another bastion: a receipt for each step, the controller starts
    nothing more, and the plan can never be resumed."""
    run = two_stages(lab, operator)
    reason = "val3 is being rebuilt by hand"
    with operator.start("apply", run, "--json") as process:
        until(process, operator, run, StepStarting)
        second = operator
        if place == "elsewhere":
            second = elsewhere(lab, operator, run, tmp_path / "second")
        said = second.says("stop", run, "--reason", reason)
        process.communicate(timeout=LIMIT_S)
    assert said.code == 0, said.document
    outcomes = {step["target"]: step["outcome"] for step in said.result["steps"]}
    assert outcomes == {"val4": "finished", "val3": "voided"}
    assert process.returncode == (ABORTED if place == "here" else PARTLY_APPLIED)
    assert [starts(lab, operator, run, host) for host in ("val3", "val4")] == [0, 1]
    assert lab.world.daemon("val3") is None
    refused = second.says("resume", run)
    assert refused.code == REFUSED, refused.document
    assert refused.error["guard"] == "a step happens at most once"


@full_lab
def test_abandoned(lab: Lab, operator: Operator) -> None:
    """Killed and given up: what was done stays, what was not can never start; a new plan does the
    rest."""
    run = two_stages(lab, operator)
    killed(operator, run, StepEnded)
    said = operator.says("abandon", run, "--reason", "the other data centre takes over")
    assert said.code == 0, said.document
    steps = {step["target"]: step for step in said.result["steps"]}
    assert (steps["val4"]["outcome"], steps["val3"]["outcome"]) == ("finished", "voided")
    assert steps["val4"]["undo"].startswith("systemctl stop")
    assert operator.says("status", run).result["state"] == "abandoned"
    assert operator.says("resume", run).code == 2
    with rescued(lab, "val3", goes_on=True):
        again = operator.rescue("INC-001")
        assert again.code == 0, again.why
