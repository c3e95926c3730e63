"""Approvals as files: signed where there is nothing but the plan, added where the run is."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from remediations.engine.approve.approval_file import read_approval
from remediations.engine.plan.plan import Plan
from remediations.engine.runs.store import find_run
from remediations.values.wire import canonical, decode
from tests.unit.cli.desk import PRINCIPAL, Desk, remediate
from tests.unit.docs.test_schema import validator
from tests.unit.plan.cases import quorum_lost, wrong_clock


@pytest.fixture
def run(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a run that waits."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    source = desk.saved(quorum_lost(), "travels")
    assert remediate("plan", "INC-001", "--from", source).code == 3
    return find_run("last").path


@pytest.fixture
def laptop(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a plan and a key, and nothing else."""
    place = tmp_path / "laptop"
    place.mkdir()
    shutil.copy(run / "plan.json", place)
    monkeypatch.setenv("REMEDIATE_HOME", str(place / "state"))
    monkeypatch.delenv("REMEDIATE_INVENTORY")
    return place


def test_signed_on_a_laptop_and_added(
    desk: Desk, run: Path, laptop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an inventory nor a list is there; the one of the run's machine judges."""
    file = laptop / "approval.json"
    done = remediate("approve", laptop / "plan.json", "--key", desk.key, "--yes", "--out", file)
    assert (done.code, done.err) == (0, "")
    assert "nobody here says who may approve" in done.out
    assert f"--add {file}" in done.out
    assert not (laptop / "state").exists()
    assert read_approval(file).principal == ""
    monkeypatch.setenv("REMEDIATE_HOME", str(run.parents[1]))
    monkeypatch.setenv("REMEDIATE_INVENTORY", str(desk.inventory))
    before = remediate("approvals", "last")
    assert before.code == 5
    assert f"may still sign: {PRINCIPAL}" in before.out
    added = remediate("approvals", "last", "--add", file)
    assert (added.code, added.err) == (0, "")
    assert added.out.startswith("added as approvals/001.json\n")
    assert f"counts       {PRINCIPAL} with SHA256:" in added.out
    assert "next: remediate apply " in added.out
    assert find_run("last").approvals[0].approval.principal == PRINCIPAL
    again = remediate("approvals", "last", "--add", file, "--json")
    assert again.code == 5
    assert again.document["error"]["guard"] == "one signature a person"  # type: ignore[index]
    assert "1-0" in remediate("status", "last").out


def test_with_a_list_the_laptop_says_who_it_is(desk: Desk, laptop: Path) -> None:
    """Then a key that may not approve learns it there."""
    signers, file = desk.path / "allowed_signers", laptop / "approval.json"
    words = ("approve", laptop / "plan.json", "--yes", "--out", file, "--allowed-signers", signers)
    done = remediate(*words, "--key", desk.key)
    assert f"signed by {PRINCIPAL} with" in done.out
    stranger = laptop / "stranger"
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger)]
    subprocess.run(make, check=True, stdin=subprocess.DEVNULL)
    refused = remediate(*words, "--key", stranger)
    assert (refused.code, "may not approve" in refused.err) == (5, True)


def test_a_file_needs_out(desk: Desk, laptop: Path) -> None:
    """There is no run to keep it in; and another file is never written over."""
    plan = laptop / "plan.json"
    done = remediate("approve", plan, "--key", desk.key, "--yes")
    assert (done.code, "guard     --out" in done.err) == (2, True)
    done = remediate("approve", plan, "--key", desk.key, "--yes", "--out", desk.key)
    assert (done.code, "holds something else" in done.err) == (2, True)


def test_a_plan_that_its_guards_refuse_is_not_signed(desk: Desk, laptop: Path) -> None:
    """It has a file at most, and its guard is named."""
    source = desk.saved(wrong_clock(quorum_lost(), "val1"), "refused")
    answer = remediate("plan", "INC-001", "-i", desk.inventory, "--from", source, "--json")
    assert answer.code == 4
    plan = json.loads(answer.out)["result"]["plan"]
    file = laptop / "refused.json"
    file.write_bytes(canonical(decode(json.dumps(plan).encode(), Plan)))
    out = laptop / "approval.json"
    done = remediate("approve", file, "--key", desk.key, "--yes", "--out", out)
    assert (done.code, "guard     G37 val1" in done.err) == (5, True)
    assert not out.exists()


def test_one_that_does_not_count_is_told_and_keeps_the_rest_from_counting(
    desk: Desk, run: Path
) -> None:
    """Edited after it was added: `approvals` says what `apply` would say."""
    assert remediate("approve", "last", "--key", desk.key, "--yes").code == 0
    file = run / "approvals" / "001.json"
    (run / "approvals" / "002.json").write_bytes(
        file.read_bytes().replace(b"approve the", b"approve some", 1)
    )
    (run / "approvals" / "002.json").chmod(0o600)
    done = remediate("approvals", "last")
    assert done.code == 5
    assert "NOT VALID    nobody" in done.out
    assert "take it away" in done.out
    assert remediate("apply", "last").code == 5


def test_approvals_fit_their_schema(desk: Desk, run: Path) -> None:
    """As --json prints them."""
    assert remediate("approve", "last", "--key", desk.key, "--yes").code == 0
    result = remediate("approvals", "last", "--json").document["result"]
    assert isinstance(result, dict)
    validator("tally").validate(result["tally"])


def test_a_person_types_the_digits(desk: Desk, laptop: Path) -> None:
    """On a terminal the whole plan is shown; other digits end with 9, and nothing is written."""
    plan, file = laptop / "plan.json", laptop / "approval.json"
    words = ["approve", str(plan), "--key", str(desk.key), "--out", str(file)]
    program = "from remediations.cli.main import main; main()"
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        stdin=slave,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "REMEDIATE_CONFIG": str(desk.config)},
    )
    os.write(master, b"00000000\n")
    assert child.wait(60) == 9
    os.close(slave)
    os.close(master)
    assert not file.exists()


def test_a_plan_is_handed_out(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into a new directory, with the run; of a plan that is refused there is no run."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    out = tmp_path / "deep" / "handed"
    source = desk.saved(quorum_lost(), "handed")
    assert remediate("plan", "INC-001", "--from", source, "--out", out).code == 3
    assert {one.name for one in out.iterdir()} >= {"plan.json", "run.tar"}
    plan = (find_run("last").path / "plan.json").read_bytes()
    assert (out / "plan.json").read_bytes() == plan
    assert remediate("show", out / "run.tar", "--json").code == 0
    again = remediate("plan", "INC-001", "--from", source, "--out", out, "--json")
    assert again.code == 2
    assert again.document["error"]["guard"] == "--out"  # type: ignore[index]
    refused = tmp_path / "refused"
    wrong = desk.saved(wrong_clock(quorum_lost(), "val1"), "handed-refused")
    assert remediate("plan", "INC-001", "--from", wrong, "--out", refused).code == 4
    assert {one.name for one in refused.iterdir()} >= {"plan.json"}
    assert not (refused / "run.tar").exists()
