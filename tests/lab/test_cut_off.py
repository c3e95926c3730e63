"""The controller of a rescue is lost at any record of its journal, whatever the branch: the run is
resumed, every step acts once, and the chain is back."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from remediations.engine.runs.records import Sampled
from remediations.engine.runs.status import held_fences
from tests.lab.choice import full_lab
from tests.lab.disasters import DISASTERS, STARTED, Disaster
from tests.lab.lab import Lab
from tests.lab.operator import LIMIT_S, Operator
from tests.lab.test_goes_on import SOAK, directory, entries, starts
from tests.lab.test_resume import elsewhere
from tests.lab.truth import rescued

PLANNED = 3
LOOKS = 6
"""A reading of a busy machine may lack something: then it is unknown, and one looks again."""
MOMENTS = range(1, 50) if SOAK else (8, 21, 34)
"""At which record. The longest of these runs has fewer than fifty; one that comes to its end before
is a rescue that nothing disturbs."""
LOST = "its process was lost"


def name_of(case: tuple[Disaster, int]) -> str:
    """For the reader of a failed one."""
    return f"{case[0].branch}-{case[1]}"


def approved(operator: Operator, options: tuple[str, ...]) -> str:
    """A run of INC-001."""
    for _ in range(LOOKS):
        plan = operator.plan("INC-001", *options)
        if plan.code == PLANNED:
            break
    assert plan.code == PLANNED, plan.document
    run: str = plan.result["run"]
    assert operator.approve(run).code == 0
    return run


def begun(operator: Operator, options: tuple[str, ...]) -> tuple[str, subprocess.Popen[str]]:
    """A run and the process that applies it, from its first record on."""
    for _ in range(LOOKS):
        run = approved(operator, options)
        process = operator.start("apply", run)
        if reached(process, operator, run, 1):
            return run, process
    raise AssertionError(process.communicate())


def recorded(operator: Operator, run: str) -> int:
    """How many records its journal has, beside the samples of the chain, which the clock makes."""
    return sum(not isinstance(entry.event, Sampled) for entry in entries(operator, run))


def reached(process: subprocess.Popen[str], operator: Operator, run: str, count: int) -> bool:
    """Wait for so many records. False: the command came to its end before."""
    end = time.monotonic() + LIMIT_S
    while recorded(operator, run) < count:
        if process.poll() is not None:
            return recorded(operator, run) >= count
        assert time.monotonic() < end
        time.sleep(0.01)
    return True


def finished(operator: Operator, run: str) -> None:
    """By what `status` says is next, after one more kill two records later."""
    with operator.start("resume", run) as process:
        reached(process, operator, run, recorded(operator, run) + 2)
        process.kill()
    said = operator.says("status", run)
    for _ in range(LOOKS):
        if said.result["state"] == "verified" and LOST not in said.result["message"]:
            return
        over = said.result["state"] in ("verified", "unverified")
        only_checks = over and LOST not in said.result["message"]
        last = operator.says("verify" if only_checks else "resume", run)
        said = operator.says("status", run)
    raise AssertionError((said.document, last.document))


def acted_once(lab: Lab, operator: Operator, run: str) -> None:
    """Every step of the plan ran once on its host, by systemd's own journal."""
    steps = Counter(step.target for step in directory(operator, run).plan.steps)
    assert {host: starts(lab, operator, run, host) for host in steps} == dict(steps)


@full_lab
@pytest.mark.parametrize("case", product(DISASTERS, MOMENTS), ids=name_of)
def test_the_controller_is_lost_at_a_record(
    lab: Lab, operator: Operator, tmp_path: Path, case: tuple[Disaster, int]
) -> None:
    """Killed, and resumed; at every second record frozen, finished from another bastion, and
    thawed."""
    disaster, moment = case
    halt = disaster.happen(lab, operator)
    second = operator
    with rescued(lab, *STARTED, since=halt.height):
        run, first = begun(operator, halt.options)
        assert directory(operator, run).plan.branch == disaster.branch
        try:
            there = reached(first, operator, run, moment)
            if there and moment % 2:
                first.kill()
            elif there:
                first.send_signal(signal.SIGSTOP)
                second = elsewhere(lab, operator, run, tmp_path / "second")
            if there:
                finished(second, run)
            first.send_signal(signal.SIGCONT)
            said = first.communicate(timeout=LIMIT_S)
        finally:
            first.kill()
        assert there or first.returncode == 0, said
    acted_once(lab, operator, run)
    assert held_fences(entries(second, run)) == ()
