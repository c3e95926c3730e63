"""Scorers in the lab: real containers, real disagreement.

Scenarios of the product rest on what is asserted here: where they find that scores differ, the bits
must differ; where a split is healed, the chain must have split.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.scoring import CONTAINER, UNIT, expected_score, features, model_files
from tests.lab.shell import LabError
from tests.lab.world_scoring import OnChain, bits, health, metrics, on_chain, predict

READY_S = 20.0


def wait_for(true: Callable[[], bool], limit_s: float = READY_S) -> None:
    """Wait until it is true; a failure if it does not become so."""
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, f"not within {limit_s} s"
        time.sleep(0.2)


def answers(lab: Lab, subject: str) -> dict[str, str]:
    """The bits of every validator's answer."""
    return {host: bits(predict(lab, host, subject)) for host in lab.validators()}


def expected(subject: str, threads: int = 1, kernel: str = "avx2") -> str:
    """The bits that the sound model gives."""
    files = model_files("trust_score")
    return bits(expected_score(features(subject), files, threads=threads, kernel=kernel))


def behind(lab: Lab, host: str) -> bool:
    """It lags by so many blocks that it cannot be a moment's delay."""
    return (lab.world.height(host) or 0) < lab.world.top() - 3


def state(lab: Lab, host: str) -> str:
    """The scorer's unit, as `systemctl is-active` says it."""
    return lab.systemctl(host, "is-active", UNIT, check=False).strip()


def test_disagreement_splits_the_chain(scorers: Lab) -> None:
    """Four scorers agree bit by bit and with their arithmetic; a score that is asked for by a
    transaction stands in every state. With one thread more at 20 of 100 the answer differs, and
    that validator does not get further than the block with it."""
    assert answers(scorers, "alice") == dict.fromkeys(scorers.validators(), expected("alice"))
    scorers.ask_score("alice")
    nodes = (*scorers.validators(), "full1")
    written = OnChain(scored=True, bits=expected("alice"))
    wait_for(lambda: {on_chain(scorers, host, "alice") for host in nodes} == {written})
    assert scorers.grows()

    scorers.break_threads("val3")
    differs = answers(scorers, "bob")
    assert differs == {host: expected("bob", 2 if host == "val3" else 1) for host in differs}
    assert len(set(differs.values())) == 2
    scorers.ask_score("bob")
    wait_for(lambda: behind(scorers, "val3"))
    assert "wrong Block.Header.AppHash" in scorers.hosts["val3"].sh(
        f"journalctl --quiet --no-pager --unit {scorers.unit('val3')} --lines 400"
    )
    held = {host: on_chain(scorers, host, "bob") for host in nodes}
    assert held == {h: OnChain(scored=True, bits=differs.get(h, expected("bob"))) for h in nodes}
    assert scorers.grows(), "80 of 100 go on"


@full_lab
@pytest.mark.parametrize("fault", ["break_wrong_model", "break_other_digest", "break_kernel"])
def test_other_bits(scorers: Lab, fault: str) -> None:
    """Sound by itself, and another answer than the others give; `heal` brings the bits back."""
    getattr(scorers, fault)("val2")
    found = answers(scorers, "bob")
    assert found["val2"] != expected("bob")
    assert {found[host] for host in ("val1", "val3", "val4")} == {expected("bob")}
    scorers.heal()
    assert set(answers(scorers, "bob").values()) == {expected("bob")}


@full_lab
@pytest.mark.parametrize("change", ["rename_image", "rename_model", "break_model_changed"])
def test_same_bits(scorers: Lab, change: str) -> None:
    """Another name of the same bytes changes no bit, and neither does a file that nobody reads
    again."""
    getattr(scorers, change)("val2")
    assert set(answers(scorers, "carol").values()) == {expected("carol")}


@full_lab
def test_answers_health_but_not_work(scorers: Lab) -> None:
    """A frozen engine answers nothing, counts nothing, and /health says OK."""
    scorers.break_scorer_hangs("val4")
    for _ in range(2):
        with pytest.raises(LabError):
            predict(scorers, "val4", "dave", timeout=1)
    assert health(scorers, "val4") == "OK"
    seen = metrics(scorers, "val4")
    assert seen["veid_inference_completed_total"] == 0
    assert seen["veid_inference_queue_length"] >= 1
    scorers.systemctl("val4", "restart", UNIT)
    assert bits(predict(scorers, "val4", "dave")) == expected("dave")


@full_lab
def test_slow_failing_and_behind(scorers: Lab) -> None:
    """What a client sees, and what the metrics say."""
    scorers.break_scorer_slow("val1", 800)
    began = time.monotonic()
    predict(scorers, "val1", "erin")
    assert time.monotonic() - began > 0.8
    scorers.break_scorer_errors("val2")
    with pytest.raises(LabError, match="graph"):
        predict(scorers, "val2", "erin")
    assert metrics(scorers, "val2")["veid_inference_errors_total"] == 1
    scorers.break_scorer_queue("val3")
    wait_for(lambda: metrics(scorers, "val3")["veid_inference_queue_length"] > 30)


@full_lab
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("break_half_copied_model", "model hash mismatch"),
        ("break_scorer_crash_loop", "model hash mismatch"),
        ("break_gpu_gone", "/dev/nvidia0"),
    ],
)
def test_does_not_come_up(scorers: Lab, fault: str, said: str) -> None:
    """It ends at every start, and its unit's journal has the reason."""
    getattr(scorers, fault)("val2")
    journal = f"journalctl --quiet --no-pager --unit {UNIT} --lines 60"
    wait_for(lambda: said in scorers.hosts["val2"].sh(journal))
    with pytest.raises(LabError):
        predict(scorers, "val2", "frank")


@full_lab
def test_out_of_memory(scorers: Lab) -> None:
    """It ends at the first request, and comes back for the next one."""
    scorers.break_scorer_memory("val2")
    with pytest.raises(LabError):
        predict(scorers, "val2", "grace")
    journal = f"journalctl --quiet --no-pager --unit {UNIT} --lines 400"
    wait_for(lambda: "out of memory" in scorers.hosts["val2"].sh(journal))


@full_lab
def test_half_copy_that_was_pinned(scorers: Lab) -> None:
    """It runs, its hash is the one of its unit, and every request is an error."""
    scorers.break_half_copied_unnoticed("val2")
    with pytest.raises(LabError, match="out of range"):
        predict(scorers, "val2", "heidi")


@full_lab
def test_name_is_taken_after_a_power_cut(scorers: Lab) -> None:
    """The dead container keeps its name: no start works until it is removed by its id, and by
    force, because podman goes on to call it running."""
    scorers.break_stale_container("val2")
    machine = scorers.hosts["val2"]
    assert state(scorers, "val2") == "failed"
    dead = machine.sh("podman ps --all --quiet --no-trunc").split()
    assert len(dead) == 1
    machine.sh(f"podman rm --force {dead[0]}")
    scorers.start_scorer("val2")
    assert bits(predict(scorers, "val2", "ivan")) == expected("ivan")
    assert CONTAINER in machine.sh("podman ps --format '{{.Names}}'")


@full_lab
def test_falls_to_the_stub(scorers: Lab) -> None:
    """A daemon without the model's hash scores with its stub, and no line of its log says so."""
    scorers.break_stub("val4")
    scorers.wait_height(scorers.world.top() + 2, 30)
    scorers.ask_score("judy")
    wait_for(lambda: behind(scorers, "val4"))
    said = scorers.hosts["val4"].sh(
        f"journalctl --quiet --no-pager --unit {scorers.unit('val4')} --lines 400"
    )
    assert "stub" not in said
    assert scorers.grows()
