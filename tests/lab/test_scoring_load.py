"""Scores that come late because requests wait: services take fewer, and later the normal rate
again; more workers only where the numbers stay what they are. On real containers and a real chain,
by command line, and the world asserted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import Operator, Said
from tests.lab.scoring import ENVIRONMENT
from tests.lab.test_scoring import (
    BUSY_S,
    LOOKS,
    PLANNED,
    REFUSED,
    WORLD_CHANGED,
    assert_alike,
    conditions,
    containers,
    process_environment,
    scoring,
)
from tests.lab.test_scoring_lab import wait_for
from tests.lab.test_undo import undone
from tests.lab.truth import one_chain
from tests.lab.world_scoring import metrics

USAGE, STOPPED = 2, 7
LOADED = ("val2", "val3", "val4")
"""60 of 100."""
QUEUE = "veid_inference_queue_length"
MANY, FEW = 60, 10


@pytest.fixture
def operator(scorers: Lab, tmp_path: Path) -> Operator:
    """Somebody whose inventory has the scorers, and their limits."""
    return Operator(scorers, tmp_path)


def rescued(operator: Operator, *options: str) -> tuple[str, Said]:
    """The run, and what `apply` said: somebody plans again where a busy host was not read."""
    for _ in range(LOOKS):
        planned = operator.plan("INC-002", *options)
        if planned.code != PLANNED:
            continue
        run = planned.result["run"]
        assert operator.approve(run).code == 0
        said = operator.says("apply", run)
        if said.code != WORLD_CHANGED:
            return str(run), said
    raise AssertionError(planned.document)


def files(lab: Lab) -> dict[str, bytes]:
    """The environment file of every validator's scorer."""
    return {host: lab.hosts[host].path(ENVIRONMENT).read_bytes() for host in lab.validators()}


def waiting(lab: Lab) -> dict[str, float]:
    """How many requests wait at each of those that are loaded."""
    return {host: metrics(lab, host)[QUEUE] for host in LOADED}


def overloaded(lab: Lab) -> None:
    """More comes than three of four can answer, until no vector is answered in time."""
    for host in LOADED:
        lab.break_scorer_queue(host)
    wait_for(lambda: min(waiting(lab).values()) >= MANY, BUSY_S)


@full_lab
def test_rate_is_limited_until_the_backlog_is_gone_and_lifted_again(
    scorers: Lab, operator: Operator
) -> None:
    """Three of four have a backlog. Exactly one line of each file is changed, nobody else is
    touched, few requests wait, and all files are as before when the limit is lifted."""
    before, ids, daemons = files(scorers), containers(scorers), scorers.world.daemons()
    overloaded(scorers)
    wait_for(lambda: scoring(operator)["verdict"] == "systemic-backlog", BUSY_S)

    _, limited = rescued(operator, "--branch", "limit-rate")

    assert limited.code == 0, limited.why
    lower = {host: text.replace(b"RATE=50\n", b"RATE=2\n") for host, text in before.items()}
    assert files(scorers) == {**lower, "val1": before["val1"]}
    for host in LOADED:
        assert "SCORER_RATE=2" in process_environment(scorers, host)
    after = containers(scorers)
    assert {host for host in after if after[host] != ids[host]} == set(LOADED)
    assert scorers.world.daemons() == daemons
    assert max(waiting(scorers).values()) < FEW
    assert min(metrics(scorers, h)["veid_inference_turned_away_total"] for h in LOADED) > 0
    assert_alike(scorers, "limited")

    for host in LOADED:
        scorers.end_scorer_queue(host)
    wait_for(lambda: scoring(operator)["verdict"] == "capacity-changed", BUSY_S)
    assert {conditions(scoring(operator))[host] for host in LOADED} == {"capacity-set"}
    _, lifted = rescued(operator)

    assert lifted.code == 0, lifted.why
    assert files(scorers) == before
    for host in LOADED:
        assert "SCORER_RATE=50" in process_environment(scorers, host)
    assert scorers.world.daemons() == daemons
    assert_alike(scorers, "lifted")
    one_chain(scorers, scorers.world.top())


@full_lab
@pytest.mark.parametrize(
    ("pattern", "instead", "code", "guard"),
    [
        ("setting: SCORER_WORKERS", "setting: OMP_NUM_THREADS", USAGE, "inventory"),
        (", same_answers: true", "", REFUSED, "V40"),
    ],
)
def test_scaling_that_may_change_the_numbers_is_refused(
    scorers: Lab, operator: Operator, pattern: str, instead: str, code: int, guard: str
) -> None:
    """By its name, or because nobody declared that the answers stay. The world is as before."""
    inventory = scorers.access.inventory
    sound = inventory.read_text()
    overloaded(scorers)
    before, ids, daemons = files(scorers), containers(scorers), scorers.world.daemons()
    changed, number = re.subn(re.escape(pattern), instead, sound, count=1)
    assert number == 1
    inventory.write_text(changed)
    try:
        for _ in range(LOOKS):
            said = operator.plan("INC-002", "--branch", "scale-scorers")
            if guard in str(said.document):
                break
    finally:
        inventory.write_text(sound)
    assert said.code == code, said.document
    assert guard in str(said.document)
    assert files(scorers) == before
    assert containers(scorers) == ids
    assert scorers.world.daemons() == daemons


@full_lab
def test_workers_that_change_the_numbers_all_the_same_are_stopped_and_undone(
    scorers: Lab, operator: Operator
) -> None:
    """What people declared is wrong: with more of these "workers" the sums are made in another
    order. The first service differs, the run stops there, and the undo brings its bits back."""
    inventory = scorers.access.inventory
    sound = inventory.read_text()
    overloaded(scorers)
    before, ids = files(scorers), containers(scorers)
    inventory.write_text(sound.replace("SCORER_WORKERS", "SCORER_SHARDS"))
    try:
        run, applied = rescued(operator, "--branch", "scale-scorers")
        assert applied.code == STOPPED, applied.document
        changed = {host for host, text in files(scorers).items() if text != before[host]}
        assert changed == {"val4"}
        for host in LOADED:
            scorers.end_scorer_queue(host)
        said = undone(operator, run)
        assert said.code == 0, said.document
    finally:
        inventory.write_text(sound)
    assert files(scorers) == before
    after = containers(scorers)
    assert {host for host in after if after[host] != ids[host]} == {"val4"}
    wait_for(lambda: max(waiting(scorers).values()) == 0, BUSY_S)
    assert_alike(scorers, "undone")
