"""The controller of a rescue is lost at any record of its journal, whatever the branch, and whoever
resumes it is lost as well, again and again: every step acts once, and the chain is back."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from itertools import count, product
from pathlib import Path

import pytest

from remediations.engine.runs.records import FactsHeld, FenceTaken, RunResumed, Sampled
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
MOST_DEATHS = 120
"""Of one run. Each second one lets it go on by at least one record."""
TAKEN_UP = (RunResumed, FactsHeld, FenceTaken)
"""What whoever resumes writes before the run goes on."""


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
    for _ in range(LOOKS):
        command = what_is_left(operator, run)
        if command is None:
            return
        last = operator.says(command, run)
    raise AssertionError((operator.says("status", run).document, last.document))


def what_is_left(operator: Operator, run: str) -> str | None:
    """The command that goes on with a run whose process was lost. None: it is verified."""
    said = operator.says("status", run).result
    state, lost = said["state"], LOST in said["message"]
    if lost or state not in ("verified", "unverified"):
        return "resume"
    return None if state == "verified" else "verify"


def went_on(operator: Operator, run: str) -> int:
    """How many records are of the run itself, whoever went on with it how often."""
    events = [entry.event for entry in entries(operator, run)]
    return sum(not isinstance(event, (Sampled, *TAKEN_UP)) for event in events)


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


@full_lab
@pytest.mark.parametrize("disaster", DISASTERS if SOAK else DISASTERS[:1], ids=str)
def test_every_controller_is_lost(
    lab: Lab, operator: Operator, tmp_path: Path, disaster: Disaster
) -> None:
    """Each after it wrote a record or two, until none is left to write. Half of them are killed;
    half are frozen, and come back to life while another bastion goes on."""
    halt = disaster.happen(lab, operator)
    bastion, deaths, frozen = operator, list[str](), list[subprocess.Popen[str]]()
    with rescued(lab, *STARTED, since=halt.height):
        run, process = begun(operator, halt.options)
        try:
            for number in count(1):
                assert number < MOST_DEATHS, deaths
                if not lost_after(process, bastion, run, 1 + number % 2):
                    process.communicate(timeout=LIMIT_S)
                    command = what_is_left(bastion, run)
                    if command is None:
                        break
                    process = bastion.start(command, run)
                    continue
                deaths.append(type(entries(bastion, run)[-1].event).__name__)
                for one in frozen:
                    one.send_signal(signal.SIGCONT)
                    one.communicate(timeout=LIMIT_S)
                frozen.clear()
                if number % 4 < 2:
                    process.kill()
                else:
                    process.send_signal(signal.SIGSTOP)
                    frozen.append(process)
                    bastion = elsewhere(lab, bastion, run, tmp_path / f"bastion-{number}")
                process = bastion.start(what_is_left(bastion, run) or "verify", run)
        finally:
            for one in (*frozen, process):
                one.kill()
    acted_once(lab, operator, run)
    assert held_fences(entries(bastion, run)) == ()
    assert len(deaths) > len(directory(operator, run).plan.steps), deaths


def lost_after(process: subprocess.Popen[str], operator: Operator, run: str, records: int) -> bool:
    """Wait until the run has so many records more. False: the command came to its end before."""
    before, end = went_on(operator, run), time.monotonic() + LIMIT_S
    while went_on(operator, run) < before + records:
        if process.poll() is not None:
            return False
        assert time.monotonic() < end
        time.sleep(0.01)
    return True
