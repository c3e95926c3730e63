"""A run that did not come to its goal is taken back, by the steps that were signed with it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from remediations.engine.runs import journal_check
from remediations.engine.runs.records import GateWaiting, StepEnded
from tests.lab.binary import virtengined
from tests.lab.choice import full_lab
from tests.lab.cosmovisor import name_of, root_of
from tests.lab.data_copies import brought
from tests.lab.holds import hold_of
from tests.lab.lab import Lab
from tests.lab.operator import LIMIT_S, LOOKS, Operator, Said
from tests.lab.test_goes_on import directory, entries, starts
from tests.lab.test_install import applied, panics_in_loops, seen, staged
from tests.lab.test_resume import killed
from tests.lab.test_rollback import PARTLY, STARTED, split
from tests.lab.truth import rescued

WORLD_CHANGED = 6


def undone(operator: Operator, run: str) -> Said:
    """Its end. The journal is what the program that stands alone finds nothing wrong with."""
    for _ in range(LOOKS):
        said = operator.says("undo", run, "--reason", "the others must not wait for it")
        if said.code != WORLD_CHANGED:
            break
    journal = directory(operator, run).path
    words = [sys.executable, journal_check.__file__, "journal.jsonl", "plan.json"]
    checked = subprocess.run(words, cwd=journal, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    return said


def nobody_is_held(lab: Lab) -> bool:
    return not any(lab.hosts[host].path(hold_of(lab, host)).exists() for host in STARTED)


def killed_after(operator: Operator, run: str, step: str, *words: str) -> None:
    """Apply a run (or what the words say), and kill -9 the process when its journal has the end of
    this step."""
    with operator.start(*(words or ("apply",)), run) as process:
        end = time.monotonic() + LIMIT_S
        while not any(
            isinstance(e.event, StepEnded) and e.event.step == step for e in entries(operator, run)
        ):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)
        process.kill()


def test_killed_while_all_are_held_everybody_is_let_go(lab: Lab, operator: Operator) -> None:
    """The chain is halted as it was before, with every process up and every state as it was; the
    next plan brings it back."""
    at = split(lab, "val1")
    states = {host: lab.world.app_hash(host, at) for host in STARTED}
    lab.mend_cause("val1")
    run = operator.approved("INC-001")
    with rescued(lab, *STARTED):
        killed(operator, run, GateWaiting)
        assert set(lab.world.heights().values()) == {None}
        said = undone(operator, run)
        assert said.code == 0, said.document
        assert nobody_is_held(lab)
        assert {step["target"] for step in said.result["steps"]} == set(STARTED)
        assert {host: lab.world.app_hash(host, at) for host in STARTED} == states
        assert operator.diagnose()["chain"] == "app-hash-split"
        assert operator.says("resume", run).code == 2
        again = operator.rescue("INC-001")
        assert again.code == 0, again.why


@full_lab
def test_killed_while_it_is_taken_back(lab: Lab, operator: Operator) -> None:
    """All are held, and let go at once; one was seen to be. Undone again, what became of the others
    is asked, each host is let go once, and the chain stands where it stood."""
    at = split(lab, "val1")
    lab.mend_cause("val1")
    run = operator.approved("INC-001")
    with rescued(lab, *STARTED):
        killed(operator, run, GateWaiting)
        back = [step.id for step in directory(operator, run).plan.undo_steps]
        killed_after(operator, run, back[0], "undo", "--reason", "it takes too long")
        said = undone(operator, run)
        assert said.code == 0, said.document
        assert nobody_is_held(lab)
        assert lab.wait_stalled() == at
        again = operator.rescue("INC-001")
        assert again.code == 0, again.why
    held_and_let_go = 2
    assert {starts(lab, operator, run, host) for host in STARTED} == {held_and_let_go}
    assert operator.says("status", run).result["state"] == "undone"


@full_lab
def test_a_rollback_that_failed_on_one_is_taken_back(lab: Lab, operator: Operator) -> None:
    """Those that were rolled back execute the block again, that one starts as it stands; since the
    cause is mended, blocks go on."""
    split(lab, "val1")
    lab.mend_cause("val1")
    lab.break_rollback("val3")
    run = operator.approved("INC-001")
    with rescued(lab, *STARTED):
        said = operator.says("apply", run)
        assert said.code == PARTLY, said.document
        assert f"remediate undo {run}" in said.error["next"]
        lab.mend_rollback("val3")
        back = undone(operator, run)
        assert back.code == 0, back.document
        assert nobody_is_held(lab)
    assert operator.says("status", run).result["state"] == "undone"


@full_lab
def test_databases_that_were_replaced_come_back(lab: Lab, operator: Operator) -> None:
    """Killed when val1 had those of the others: it gets its own again, and stands where it
    stood."""
    at = split(lab, "val1")
    own = lab.world.app_hash("val1", at)
    with rescued(lab, "val1", "val2"):
        copy = brought(operator, "INC-001", "val2", "val1")
        run = operator.approved("INC-001", "--data", copy)
        killed_after(operator, run, "2-0")
        assert lab.hosts["val1"].path(hold_of(lab, "val1")).exists()
        said = undone(operator, run)
        assert said.code == 0, said.document
        lab.wait_height(at, 30, "val1")
        assert lab.world.app_hash("val1", at) == own
        kept = lab.hosts["val1"].sh(f"ls {lab.node('val1').home}/data")
        assert "remediate-" not in kept
        again = operator.rescue("INC-001", "--data", copy)
        assert again.code == 0, again.why


@full_lab
def test_a_program_that_fails_as_well_is_taken_back(
    lab: Lab, operator: Operator, tmp_path: Path
) -> None:
    """Another build with the same fault, on all: the gate stays shut. The former program comes
    back, also below cosmovisor, and the chain stands as before; the right one is installed then."""
    lab.put_below_cosmovisor("val2")
    lab.wait_height(lab.world.top() + 2, 60, *STARTED)
    at = panics_in_loops(lab)
    seen(operator, "deterministic-panic")
    before = {host: lab.world.sign_state(host) for host in STARTED}
    same = tmp_path / "same"
    same.write_bytes(virtengined(1).read_bytes() + b"built again")
    program = staged(operator, same)
    with rescued(lab, *STARTED, since=at):
        said = applied(operator, program)
        assert said.code == PARTLY, said.document
        assert all(program_on(lab, host) == same.read_bytes() for host in STARTED)
        runs = operator.state.glob("runs/*/journal.jsonl")
        run = max(runs, key=lambda one: one.stat().st_mtime).parent.name
        back = undone(operator, run)
        assert back.code == 0, back.document
        assert {program_on(lab, host) for host in STARTED} == {virtengined(1).read_bytes()}
        assert {host: lab.world.sign_state(host) for host in STARTED} == before
        seen(operator, "deterministic-panic")
        again = applied(operator, staged(operator, virtengined(2)))
        assert again.code == 0, again.why


def program_on(lab: Lab, host: str) -> bytes:
    """The daemon's program that the unit starts, or that cosmovisor does."""
    node = lab.node(host)
    below = lab.hosts[host].path(f"{root_of(node)}/genesis/bin/{name_of(node)}")
    return (below if below.exists() else lab.hosts[host].path(node.binary)).read_bytes()
