"""A run goes on: without its connection, its reader, its terminal; and says at once what cannot."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time

import pytest

from remediations.engine.plan.plan import plan_digest
from remediations.engine.runs.journal import read_journal
from remediations.engine.runs.records import (
    Checked,
    Event,
    FenceGiven,
    GateWaiting,
    JournalEntry,
    RunEnded,
    StepEnded,
)
from remediations.engine.runs.status import last_event
from remediations.engine.runs.store import RunDirectory
from tests.lab.choice import full_lab
from tests.lab.lab import CHECKOUT, Lab
from tests.lab.operator import COMMAND, LIMIT_S, Operator
from tests.lab.test_lab_itself import wait_for
from tests.lab.test_trust import PARTLY_APPLIED
from tests.lab.truth import rescued

SOAK = bool(os.environ.get("REMEDIATE_SOAK"))
CUTS_S = [0.7 * number for number in range(1, 21)] if SOAK else [3.5]
"""After the command began. `make soak` goes through all of it: reading, steps, gate, checks."""
SOON_S = 20.0
EVIDENCE_S = 60.0
REFUSED = ("75", "76")
"""How a unit ends whose step was claimed before, or whose fence is another's (launcher.sh)."""


def directory(operator: Operator, run: str) -> RunDirectory:
    return RunDirectory(operator.state / "runs" / run)


def entries(operator: Operator, run: str) -> tuple[JournalEntry, ...]:
    """The journal so far; it may be in the middle of a line."""
    path = directory(operator, run).journal
    return read_journal(path) if path.exists() else ()


def until(process: subprocess.Popen[str], operator: Operator, run: str, kind: type[Event]) -> None:
    """Wait until the journal has such an entry."""
    end = time.monotonic() + LIMIT_S
    while not any(isinstance(entry.event, kind) for entry in entries(operator, run)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def starts(lab: Lab, operator: Operator, run: str, host: str) -> int:
    """How often a step of the run had its effect on a host, by the host's own journal: a unit that
    was started and refused to act (an old fence, or a claim that was there) did nothing."""
    unit = f"remediate-{plan_digest(directory(operator, run).plan)[:12]}-*"
    said = lab.hosts[host].sh(
        f"journalctl --unit='{unit}' --output=json --output-fields=INVOCATION_ID,EXIT_STATUS",
        check=False,  # it fails where no unit of that name was ever started
    )
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    refused = {one.get("INVOCATION_ID") for one in lines if one.get("EXIT_STATUS") in REFUSED}
    return len({one["INVOCATION_ID"] for one in lines if "INVOCATION_ID" in one} - refused)


def is_verified(operator: Operator, run: str) -> None:
    """Its journal has its end, and its checks pass."""
    assert [type(e.event) for e in entries(operator, run)[-3:]] == [
        RunEnded,
        FenceGiven,
        Checked,
    ]
    assert operator.says("status", run).result["state"] == "verified"


def two_stages(lab: Lab, operator: Operator) -> str:
    """val4 and val3, one at a time, while blocks go on."""
    lab.break_stop("val3", "val4")
    run = operator.approved("INC-001")
    assert len(directory(operator, run).plan.stages) == 2
    return run


def test_a_bastion_that_loses_its_sessions(lab: Lab, operator: Operator) -> None:
    """At any time of a run behind it: verified, and started once."""
    for moment in CUTS_S:
        lab.break_stop("val4")
        run = operator.approved("INC-001")
        with rescued(lab, "val4", goes_on=True), operator.start("apply", run, "--json") as process:
            time.sleep(moment)
            lab.break_sessions("bastion")
            said, errors = process.communicate(timeout=LIMIT_S)
            assert process.returncode == 0, (moment, said, errors)
        is_verified(operator, run)
        assert starts(lab, operator, run, "val4") == 1


@full_lab
def test_a_reader_that_goes_away(lab: Lab, operator: Operator) -> None:
    """`apply | head -1`, in the middle of its first step: verified, and 0."""
    run = two_stages(lab, operator)
    with rescued(lab, "val3", "val4", goes_on=True):
        done = subprocess.run(
            [
                "bash",
                "-c",
                f"{shlex.quote(str(COMMAND))} apply {run} 2>&1 | head -1; "
                'exit "${PIPESTATUS[0]}"',
            ],
            cwd=CHECKOUT,
            env=operator.environment,
            capture_output=True,
            timeout=LIMIT_S,
        )
    assert done.returncode == 0, done
    assert done.stdout.count(b"\n") == 1
    is_verified(operator, run)


@full_lab
def test_a_terminal_that_hangs_up_between_stages(lab: Lab, operator: Operator) -> None:
    """SIGHUP twice after the first stage: both validators are started, and verified."""
    run = two_stages(lab, operator)
    with rescued(lab, "val3", "val4", goes_on=True), operator.start("apply", run) as process:
        until(process, operator, run, StepEnded)
        for _ in range(2):
            process.send_signal(signal.SIGHUP)
            time.sleep(0.3)
        process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    is_verified(operator, run)
    assert [starts(lab, operator, run, host) for host in ("val3", "val4")] == [1, 1]


@full_lab
def test_a_loss_that_no_stage_declared(lab: Lab, operator: Operator) -> None:
    """A third validator goes down after the first stage: the second one does not start, and the
    receipt says what is missing and what undoes the first."""
    run = two_stages(lab, operator)
    with operator.start("apply", run, "--json") as process:
        until(process, operator, run, GateWaiting)
        process.send_signal(signal.SIGSTOP)
        lab.wait_height(lab.world.top() + 2, SOON_S, "val4")
        lab.break_stop("val2")
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == PARTLY_APPLIED, (out, err)
    assert "voting power is 50 of 100, and was 70 before" in out
    assert "systemctl stop" in out
    assert lab.world.daemon("val3") is None
    assert starts(lab, operator, run, "val3") == 0


@full_lab
def test_evidence_between_two_stages(lab: Lab, operator: Operator) -> None:
    """The validator that the first stage started signs on a second host, too, by somebody's hand:
    from the block with the evidence on nothing more is started."""
    run = two_stages(lab, operator)
    with operator.start("apply", run, "--json") as process:
        until(process, operator, run, GateWaiting)
        process.send_signal(signal.SIGSTOP)
        lab.wait_height(lab.world.top() + 2, SOON_S, "val4")
        lab.break_duplicate_key("val4", started=True)
        wait_for(lambda: lab.world.evidence("val1") != [], EVIDENCE_S)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == PARTLY_APPLIED, (out, err)
    assert "evidence of double signing is in block" in out
    assert lab.world.daemon("val3") is None
    assert starts(lab, operator, run, "val3") == 0


@full_lab
@pytest.mark.parametrize("fault", ["no inode", "read-only"] if SOAK else ["no inode"])
def test_a_host_that_can_keep_no_record(lab: Lab, operator: Operator, fault: str) -> None:
    """Before: the plan is refused. Between the stages: never started, said in seconds."""
    run = two_stages(lab, operator)
    with operator.start("apply", run, "--json") as process:
        until(process, operator, run, StepEnded)
        lab.break_records("val3", fault)
        process.communicate(timeout=LIMIT_S)
    assert process.returncode == PARTLY_APPLIED
    last = last_event(entries(operator, run), StepEnded)
    assert last is not None
    assert (last.step, last.state) == ("2-0", "failed")
    assert "it never started, and cannot any more" in last.message
    assert last.duration_ms < SOON_S * 1000
    assert lab.world.daemon("val3") is None
    refused = operator.plan("INC-001")
    assert refused.code == 4, refused.document
