"""Scores that differ: broken on real containers, told apart, mended by command line, and the world
asserted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from remediations.engine.runs.records import GateWaiting
from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import Operator, Said
from tests.lab.scoring import (
    ENVIRONMENT,
    MODEL,
    PREDICT_PORT,
    UNIT,
    expected_score,
    features,
    loader_hash,
    model_files,
)
from tests.lab.test_goes_on import entries
from tests.lab.test_scoring_lab import behind, wait_for
from tests.lab.test_undo import undone
from tests.lab.truth import one_chain
from tests.lab.world_scoring import OnChain, bits, on_chain, predict

SOUND = model_files("trust_score")
WORLD_CHANGED, TRIES = 6, 3
PLANNED, REFUSED, WORLD_CHANGED = 3, 4, 6
LOOKS, BUSY_S = 8, 120
FILES = "/var/lib/remediate/files"


@pytest.fixture
def operator(scorers: Lab, tmp_path: Path) -> Operator:
    """Somebody whose inventory has the scorers."""
    return Operator(scorers, tmp_path)


def scoring(operator: Operator) -> Mapping[str, Any]:
    """The domain's own finding."""
    said = operator.says("diagnose", "scoring")
    (found,) = [
        one["detail"]["value"]
        for one in said.document["result"]
        if one["detail"] and one["detail"]["kind"] == "scoring.finding/1"
    ]
    assert isinstance(found, dict)
    return found


def conditions(finding: Mapping[str, Any]) -> dict[str, str]:
    """The condition of every service."""
    return {one["host"]: one["condition"] for one in finding["scorers"]}


def containers(lab: Lab) -> dict[str, str]:
    """The id of every validator's container."""
    return {host: lab.hosts[host].sh("podman ps --quiet --no-trunc") for host in lab.validators()}


def assert_alike(lab: Lab, subject: str) -> None:
    """All scorers give the sound model's bits, and a transaction leaves them in all states."""
    wanted = bits(expected_score(features(subject), SOUND))
    assert {bits(predict(lab, host, subject)) for host in lab.validators()} == {wanted}
    lab.ask_score(subject)
    written = OnChain(scored=True, bits=wanted)
    nodes = (*lab.validators(), "full1")
    wait_for(lambda: {on_chain(lab, host, subject) for host in nodes} == {written})


def bring_model(operator: Operator, host: str) -> None:
    """The three commands of docs/scoring.md#another-model."""
    kept = operator.rescue("INC-002")
    assert kept.code == 0, kept.why
    sha256 = loader_hash(SOUND)
    staged = operator.says("stage", sha256, "--donor", "val3", "--limit", host)
    assert staged.code == 0, staged.document
    swapped = operator.rescue("INC-002")
    assert swapped.code == 0, swapped.why
    assert swapped.document["outcome"] == "ok"


def test_wrong_model_is_brought_back(scorers: Lab, operator: Operator) -> None:
    """val4 serves another model. It gets the one of 90 of 100, byte by byte, and nobody else's
    container or daemon is touched."""
    assert scoring(operator)["verdict"] == "scores-agree"
    scorers.break_wrong_model("val4")
    before, daemons = containers(scorers), scorers.world.daemons()
    assert bits(predict(scorers, "val4", "before")) != bits(predict(scorers, "val1", "before"))
    finding = scoring(operator)
    assert (finding["verdict"], conditions(finding)["val4"]) == ("model-skew", "other-model")

    bring_model(operator, "val4")

    after = containers(scorers)
    assert {host for host in after if after[host] != before[host]} == {"val4"}
    assert scorers.world.daemons() == daemons
    here = scorers.hosts["val4"].path(MODEL)
    held = {str(p.relative_to(here)): p.read_bytes() for p in here.rglob("*") if p.is_file()}
    assert loader_hash(held) == loader_hash(SOUND)
    assert_alike(scorers, "after")
    assert scoring(operator)["verdict"] == "scores-agree"
    one_chain(scorers, scorers.world.top())


@full_lab
def test_disagreement_that_split_the_chain_is_healed_to_the_end(
    scorers: Lab, operator: Operator
) -> None:
    """val4's other model wrote another state, and it fell behind. First its scores agree again
    (INC-002), then it takes its blocks back and executes them anew (INC-001)."""
    scorers.break_wrong_model("val4")
    scorers.ask_score("split")
    wait_for(lambda: behind(scorers, "val4"))
    finding = scoring(operator)
    assert finding["verdict"] == "model-skew"
    assert operator.conditions()["val4"] == "diverged"
    height = scorers.world.top()

    bring_model(operator, "val4")
    for _ in range(TRIES):
        healed = operator.rescue("INC-001")
        if healed.code != WORLD_CHANGED:  # a host was slow to answer in one of the two readings
            break

    assert healed.code == 0, healed.why
    wait_for(lambda: not behind(scorers, "val4"), 60)
    wanted = OnChain(scored=True, bits=bits(expected_score(features("split"), SOUND)))
    assert {on_chain(scorers, host, "split") for host in scorers.validators()} == {wanted}
    one_chain(scorers, height)


@full_lab
@pytest.mark.parametrize(
    ("fault", "condition"),
    [
        ("break_threads", "other-threads"),
        ("break_kernel", "cpu-class"),
        ("break_other_digest", "other-build"),
        ("break_scorer_hangs", "frozen-engine"),
        ("break_scorer_errors", "scoring-errors"),
        ("break_scorer_slow", "slow-scorer"),
        ("break_scorer_queue", "backlog"),
        ("break_half_copied_unnoticed", "half-copy"),
        ("break_half_copied_model", "half-copy"),
        ("break_model_changed", "model-changed"),
        ("break_scorer_stopped", "scorer-down"),
        ("break_scorer_crash_loop", "start-refused"),
        ("break_stub", "stub"),
        ("rename_image", "agrees"),
        ("rename_model", "agrees"),
    ],
)
def test_look_alikes_are_told_apart(
    scorers: Lab, operator: Operator, fault: str, condition: str
) -> None:
    """On real containers, as the table of docs/scoring.md says; the others agree all the time."""
    getattr(scorers, fault)("val4")
    wait_for(lambda: conditions(scoring(operator))["val4"] == condition)
    found = conditions(scoring(operator))
    assert {found[host] for host in ("val1", "val2", "val3")} == {"agrees"}


@full_lab
def test_nobody_is_right_without_two_thirds(scorers: Lab, operator: Operator) -> None:
    """40 of 100 have another model: 60 are not more than two thirds. Refused, and nothing done."""
    scorers.break_wrong_model("val1")
    before = containers(scorers)
    assert scoring(operator)["verdict"] == "scores-split"
    assert operator.plan("INC-002").code == REFUSED
    assert containers(scorers) == before
    assert scorers.systemctl("val1", "is-active", UNIT).strip() == "active"


# --- containers


def all_ids(lab: Lab, host: str) -> set[str]:
    """Every container of root's, whether it runs or not."""
    return set(lab.hosts[host].sh("podman ps --all --quiet --no-trunc").split())


def digest(lab: Lab, host: str) -> str:
    """Of the image that runs there."""
    return lab.hosts[host].sh("podman inspect --format '{{.ImageDigest}}' veid-scorer").strip()


@full_lab
def test_dead_container_with_the_name_is_removed_by_its_id(
    scorers: Lab, operator: Operator
) -> None:
    """As after a power cut. Exactly that one goes; nobody else's container or daemon is touched."""
    image = digest(scorers, "val1")
    scorers.break_stale_container("val4")
    (dead,) = all_ids(scorers, "val4")
    before, daemons = containers(scorers), scorers.world.daemons()
    # systemd tried again until its limit of starts, and gave up.
    assert conditions(scoring(operator))["val4"] in ("scorer-down", "scorer-looping")

    rescued = operator.rescue("INC-002")

    assert rescued.code == 0, rescued.why
    (new,) = all_ids(scorers, "val4")
    assert new != dead
    assert digest(scorers, "val4") == image
    after = containers(scorers)
    assert {host for host in after if after[host] != before[host]} == {"val4"}
    assert scorers.world.daemons() == daemons
    assert_alike(scorers, "after")
    one_chain(scorers, scorers.world.top())


@full_lab
@pytest.mark.parametrize(
    ("fault", "condition"),
    [("break_scorer_hangs", "frozen-engine"), ("break_scorer_stopped", "scorer-down")],
)
def test_service_is_restarted_of_the_same_image(
    scorers: Lab, operator: Operator, fault: str, condition: str
) -> None:
    """By its unit, and nothing else is touched."""
    image = digest(scorers, "val4")
    getattr(scorers, fault)("val4")
    wait_for(lambda: conditions(scoring(operator))["val4"] == condition)
    daemons = scorers.world.daemons()

    rescued = operator.rescue("INC-002")

    assert rescued.code == 0, rescued.why
    assert digest(scorers, "val4") == image
    assert scorers.systemctl("val4", "is-active", UNIT).strip() == "active"
    assert scorers.world.daemons() == daemons
    assert_alike(scorers, "after")


@full_lab
def test_what_still_lives_is_not_removed(scorers: Lab, operator: Operator) -> None:
    """Its conmon is gone, and it holds the port: refused, and everything is as before."""
    scorers.break_orphaned_scorer("val4")
    before, daemons = all_ids(scorers, "val4"), scorers.world.daemons()
    assert operator.plan("INC-002", "--branch", "remove-stale-container").code == REFUSED
    assert all_ids(scorers, "val4") == before
    assert scorers.world.daemons() == daemons


# --- settings


def process_environment(lab: Lab, host: str) -> set[str]:
    """What the process on the service's port has in its environment, read without the product."""
    owner = f"ss -Hltnp 'sport = :{PREDICT_PORT}' | grep -oE 'pid=[0-9]+' | head -n 1"
    return set(
        lab.hosts[host].sh(f"p=$({owner}); tr '\\0' '\\n' </proc/${{p#pid=}}/environ").splitlines()
    )


def rescued_in_looks(operator: Operator, playbook: str) -> Said:
    """What `apply` said. A reading of a busy machine may lack something: then a guard is unknown,
    or facts differ, nothing was changed, and one tries again."""
    for _ in range(LOOKS):
        planned = operator.plan(playbook)
        if planned.code != PLANNED:
            continue
        run = planned.result["run"]
        assert operator.approve(run).code == 0
        said = operator.says("apply", run)
        if said.code != WORLD_CHANGED:
            return said
    raise AssertionError(planned.document)


def answers_as_agreed(finding: Mapping[str, Any], host: str) -> bool:
    """Whether it does, be it slow: all hosts of a lab share two processors."""
    (one,) = [one for one in finding["scorers"] if one["host"] == host]
    settled = one["condition"] not in ("other-threads", "scorer-unread")
    return bool(settled and one["answers"] and one["answers"] == finding["agreed"])


@full_lab
def test_declared_settings_are_brought_back(scorers: Lab, operator: Operator) -> None:
    """val4 adds with two threads, and answers otherwise. Exactly that line of its file is changed,
    its process has what is declared, and nobody else's container or daemon is touched."""
    scorers.break_threads("val4")
    file = scorers.hosts["val4"].path(ENVIRONMENT)
    broken, mode = file.read_bytes(), file.stat().st_mode
    assert b"OMP_NUM_THREADS=2\n" in broken
    assert "OMP_NUM_THREADS=2" in process_environment(scorers, "val4")
    before, daemons = containers(scorers), scorers.world.daemons()
    wait_for(lambda: conditions(scoring(operator))["val4"] == "other-threads", BUSY_S)

    rescued = rescued_in_looks(operator, "veid-non-deterministic")

    assert rescued.code == 0, rescued.why
    assert file.read_bytes() == broken.replace(b"OMP_NUM_THREADS=2\n", b"OMP_NUM_THREADS=1\n")
    assert (file.stat().st_mode, file.stat().st_uid) == (mode, 0)
    kept = file.with_name(f"{file.name}.remediate-old")
    assert kept.read_bytes() == broken
    assert "OMP_NUM_THREADS=1" in process_environment(scorers, "val4")
    after = containers(scorers)
    assert {host for host in after if after[host] != before[host]} == {"val4"}
    assert scorers.world.daemons() == daemons
    assert_alike(scorers, "after")
    wait_for(lambda: answers_as_agreed(scoring(operator), "val4"), BUSY_S)
    assert b"hunter2" in broken
    written = [path for path in operator.state.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if b"hunter2" in path.read_bytes()]
    one_chain(scorers, scorers.world.top())


@full_lab
def test_declared_settings_are_taken_back(scorers: Lab, operator: Operator) -> None:
    """The controller is lost while the gate waits, and people undo the run: the file is as before
    byte for byte, the process has what it had, and nobody else is touched."""
    scorers.break_threads("val4")
    file = scorers.hosts["val4"].path(ENVIRONMENT)
    broken, others = file.read_bytes(), sorted(set(scorers.validators()) - {"val4"})
    before, daemons = containers(scorers), scorers.world.daemons()
    run = killed_at_the_gate(operator, "veid-non-deterministic")
    assert file.read_bytes() != broken

    said = undone(operator, run)

    assert said.code == 0, said.document
    assert file.read_bytes() == broken
    assert not file.with_name(f"{file.name}.remediate-old").exists()
    wait_for(lambda: "OMP_NUM_THREADS=2" in process_environment(scorers, "val4"))
    after = containers(scorers)
    assert {host: after[host] for host in others} == {host: before[host] for host in others}
    assert after["val4"] != before["val4"]
    assert scorers.world.daemons() == daemons


def killed_at_the_gate(operator: Operator, playbook: str) -> str:
    """The run whose controller was killed after its steps, while its gate waited."""
    for _ in range(LOOKS):
        planned = operator.plan(playbook)
        if planned.code != PLANNED:
            continue
        run = str(planned.result["run"])
        assert operator.approve(run).code == 0
        with operator.start("apply", run) as process:
            waits = False
            while process.poll() is None and not waits:
                waits = any(isinstance(e.event, GateWaiting) for e in entries(operator, run))
                time.sleep(0.05)
            process.kill()
        if waits:
            return run
    raise AssertionError(planned.document)
