"""The controller of a rescue is lost at any record of its journal, whatever the branch, and whoever
resumes it is lost as well, again and again: every step acts once, and the chain is back."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from remediations.engine.runs.records import Sampled
from remediations.engine.runs.status import held_fences
from tests.lab.choice import full_lab
from tests.lab.disasters import DISASTERS, HALTS, Disaster
from tests.lab.lab import CHECKOUT, Lab
from tests.lab.losing import came_to_its_end, revive
from tests.lab.operator import LIMIT_S, LOOKS, Operator
from tests.lab.test_goes_on import SOAK, directory, entries, starts
from tests.lab.test_resume import elsewhere
from tests.lab.truth import rescued

PLANNED = 3
MOMENTS = range(1, 50) if SOAK else (8, 21, 34)
"""At which record. The longest of these runs has fewer than fifty; one that comes to its end before
is a rescue that nothing disturbs."""
LOST = "its process was lost"
WORDS = "words.txt"
MOST_DEATHS = 150
"""Of one run, which has fewer than fifty records."""
TAKEN_UP = ("RunResumed", "FenceTaken", "FactsHeld")
"""Records of whoever resumes, before the run goes on: that it does, its fence, what holds."""
TAKES_UP = 3
DEADLY = {"RunBegan", "StepStarting", "StepEnded", "GateWaiting", "RunEnded", *TAKEN_UP[:2]}
"""Kinds of records that each of these runs has, and right after which a controller dies."""


def name_of(case: tuple[Disaster, int]) -> str:
    """For the reader of a failed one."""
    return f"{case[0].branch}-{case[1]}"


def approved(operator: Operator, disaster: Disaster, options: tuple[str, ...]) -> str:
    """A run of the branch that ends a disaster."""
    for _ in range(LOOKS):
        plan = operator.plan(disaster.playbook, *options)
        if plan.code == PLANNED:
            break
    assert plan.code == PLANNED, plan.document
    assert plan.result["plan"]["branch"] == disaster.branch
    run: str = plan.result["run"]
    assert operator.approve(run).code == 0
    return run


def begun(
    operator: Operator, disaster: Disaster, options: tuple[str, ...]
) -> tuple[str, subprocess.Popen[str]]:
    """A run and the process that applies it, from its first record on."""
    for _ in range(LOOKS):
        run = approved(operator, disaster, options)
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
    if state == "approved":
        return "apply"
    if lost or state not in ("verified", "unverified"):
        return "resume"
    return None if state == "verified" else "verify"


def acted_once(lab: Lab, operator: Operator, run: str) -> None:
    """Every step of the plan ran once on its host, by systemd's own journal."""
    steps = Counter(step.target for step in directory(operator, run).plan.steps)
    assert {host: starts(lab, operator, run, host) for host in steps} == dict(steps)


@full_lab
@pytest.mark.parametrize("case", list(product(HALTS, MOMENTS)), ids=name_of)
def test_the_controller_is_lost_at_a_record(
    lab: Lab, operator: Operator, tmp_path: Path, case: tuple[Disaster, int]
) -> None:
    """Killed, and resumed; at every second record frozen, finished from another bastion, and
    thawed."""
    disaster, moment = case
    broken = disaster.happen(lab, operator)
    second = operator
    with rescued(lab, *disaster.touches, since=broken.height, goes_on=disaster.goes_on):
        run, first = begun(operator, disaster, broken.options)
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
    """Each right after a record that it wrote, one record later where the run did not go on by
    that, until none is left to write. Half of them are killed; half are frozen, and come back to
    life while another bastion goes on."""
    broken = disaster.happen(lab, operator)
    bastion, deaths, ends, lives = operator, list[str](), 0, 1
    frozen: subprocess.Popen[str] | None = None
    with rescued(lab, *disaster.touches, since=broken.height, goes_on=disaster.goes_on):
        run = approved(operator, disaster, broken.options)
        command: str | None = "apply"
        try:
            while command is not None:
                assert len(deaths) < MOST_DEATHS, deaths
                freezes = len(deaths) % 4 > 1
                before = reached_so_far(bastion, run)
                process = dying(bastion, "STOP" if freezes else "KILL", lives, command, run)
                lived = came_to_its_end(process)
                revive(frozen)
                frozen = None
                if lived:
                    ends += 1
                    assert ends < LOOKS, last_words(bastion)
                    if not recorded(bastion, run):
                        run = approved(bastion, disaster, broken.options)
                else:
                    deaths.append(last_record(bastion, run))
                    lives = next_life(lives, reached_so_far(bastion, run) - before)
                    if freezes:
                        frozen = process
                        there = tmp_path / f"bastion-{len(deaths)}"
                        bastion = elsewhere(lab, bastion, run, there)
                command = what_is_left(bastion, run)
        finally:
            revive(frozen)
            print(len(deaths), *deaths)  # for the table of docs/soak.md
    acted_once(lab, bastion, run)
    assert held_fences(entries(bastion, run)) == ()
    assert set(deaths) >= DEADLY, deaths


def next_life(lives: int, new: frozenset[str]) -> int:
    """How many records the next controller has. Whoever resumes first dies at each record that
    takes the run up; later ones get beyond those, and one record further where nothing was new."""
    if "RunBegan" in {one.partition(" ")[0] for one in new}:
        return 1
    went_on = any(not one.startswith(TAKEN_UP) for one in new)
    return TAKES_UP + 1 if went_on else lives + 1


def reached_so_far(operator: Operator, run: str) -> frozenset[str]:
    """What is in the journal, each thing once: a step that was announced and never started is
    announced again."""
    events = (entry.event for entry in entries(operator, run))
    return frozenset(
        f"{type(event).__name__} {getattr(event, 'step', '')} {getattr(event, 'stage', '')}"
        for event in events
        if not isinstance(event, Sampled)
    )


def dying(operator: Operator, fate: str, records: int, *command: str) -> subprocess.Popen[str]:
    """The product's command, with this end."""
    with (operator.state / WORDS).open("w") as words:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.lab.mortal", fate, str(records), *command],
            cwd=CHECKOUT,
            env=operator.environment,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            text=True,
        )


def last_words(operator: Operator) -> str:
    """What the last of these commands printed on a bastion."""
    return (operator.state / WORDS).read_text()[-2000:]


def last_record(operator: Operator, run: str) -> str:
    """The kind of the last record that is no sample."""
    events = [entry.event for entry in entries(operator, run)]
    return type([one for one in events if not isinstance(one, Sampled)][-1]).__name__
