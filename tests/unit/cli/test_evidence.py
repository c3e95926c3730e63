"""What a run's files do not prove is said first, and never told as fact."""

from __future__ import annotations

import errno
import os
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.cli import proof
from remediations.cli.anchors import Anchors
from remediations.cli.output import CommandResult
from remediations.engine.plan.plan import plan_digest
from remediations.engine.runs.journal import Journal
from remediations.engine.runs.lock import resource_locks
from remediations.engine.runs.records import AcceptedApproval, RunState
from remediations.engine.runs.store import CHECKS_FILE, RunDirectory
from remediations.engine.verify.given import Given
from remediations.engine.verify.result import CheckResult
from remediations.errors import ExitCode, MachineError
from remediations.values.wire import canonical
from tests.unit.cli.desk import PRINCIPAL, Desk, remediate
from tests.unit.cli.test_wrong_plan_file import applied, approved, planned
from tests.unit.cli.wrong import refused
from tests.unit.report.journal import checks
from tests.unit.run.events import began, run_ends
from tests.unit.run.test_binding import exchanged

READERS = ("status", "report")


@pytest.fixture
def state(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of the test's own."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def begun(run: RunDirectory, **changes: str) -> AcceptedApproval:
    """Give an approved run the journal of one that came to its end; what the journal says of the
    approval is changed by `changes`."""
    (kept,) = run.approvals
    accepted = AcceptedApproval(
        sha256=kept.sha256,
        principal=kept.approval.principal,
        key_fingerprint=kept.approval.key_fingerprint,
    )
    accepted = replace(accepted, **changes)
    with closing(Journal(run.journal, run.digest)) as journal:
        journal.append(began(accepted))
        journal.append(run_ends())
    return accepted


def test_approver_is_the_one_of_the_journal(desk: Desk, state: Path) -> None:
    """Verified today: shown, without a doubt."""
    run = approved(desk)
    begun(run)
    for use in READERS:
        done = remediate(use, run.name)
        assert "NOT PROVEN" not in done.out
    assert PRINCIPAL in done.out


@pytest.mark.parametrize(
    "changes", [{"principal": "mallory@example.org"}, {"key_fingerprint": "SHA256:another"}]
)
def test_an_approver_different_from_the_journals_is_not_shown(
    desk: Desk, state: Path, changes: dict[str, str]
) -> None:
    """The list was changed since, or the journal: nobody is said to have approved."""
    run = approved(desk)
    accepted = begun(run, **changes)
    said = f"the journal names {accepted.principal} {accepted.key_fingerprint}"
    for use in READERS:
        told = remediate(use, run.name).out.replace("`", "")
        assert told.startswith(("NOT PROVEN: ", "> **Warning:** not proven: "))
        assert said in told.partition("\n")[0]
    document = remediate("status", run.name, "--json").document["result"]
    assert isinstance(document, dict)
    assert document["approved_by"] == []


def test_good_signature_that_came_later_is_not_shown(desk: Desk, state: Path) -> None:
    """It verifies, and the run was not begun with it: one person approved, once."""
    run = approved(desk)
    begun(run)
    (kept,) = run.approvals
    run.add_approval(replace(kept.approval, given_at=kept.approval.given_at + timedelta(seconds=1)))
    for use in READERS:
        told = remediate(use, run.name).out.partition("\n")[0].replace("`", "")
        assert "approvals/002.json is not an approval with which the run was begun" in told
    document = remediate("status", run.name, "--json").document["result"]
    assert isinstance(document, dict)
    assert len(document["approved_by"]) == 1


def test_list_of_runs_says_what_is_in_doubt(desk: Desk, state: Path) -> None:
    """Approvals that the run did not begin with, or that are gone; results that nobody wrote."""
    run = approved(desk)
    begun(run, sha256="0" * 64)
    run.write(CHECKS_FILE, canonical(checks()[:2]))
    listed = remediate("status").out
    assert "NOT PROVEN: approvals/001.json is not an approval with which the run" in listed
    assert f"NOT PROVEN: the approval of {PRINCIPAL} that the journal names is missing" in listed
    assert "NOT PROVEN: checks.json is not what a verification wrote" in listed
    (run.path / "approvals" / "001.json").write_bytes(b"{}")
    assert f"{run.name:<44} unreadable" in remediate("status").out


def test_plan_of_a_run_in_which_another_one_was_applied_is_not_shown(
    desk: Desk, state: Path
) -> None:
    """Also not by `show`: as a file of its own it can be."""
    run = applied(planned(desk))
    assert remediate("show", run.name).code == 0
    exchanged(run, replace(run.plan, title="a harmless plan"))
    refused(2, "do not belong together", arguments=("show", run.name), state=state)
    assert remediate("show", run.path / "plan.json").code == 0


@pytest.mark.parametrize("name", ["last", "here"])
def test_what_is_in_the_working_directory_is_not_taken_for_a_run(
    desk: Desk, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Somebody could have put it there; with a slash it is meant."""
    run, stranger = planned(desk), planned(desk, title="by somebody else")
    stranger.path.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    if name == "last":
        assert run.name in remediate("status", "last").out
    else:
        refused(2, "no run is called 'here'", arguments=("status", name), state=state)
    assert str(tmp_path / name) in remediate("status", f"./{name}").out


def test_checks_that_no_verification_wrote(desk: Desk, state: Path) -> None:
    """They are neither believed nor shown: the run stays where its journal leaves it."""
    run = planned(desk)
    with closing(Journal(run.journal, plan_digest(run.plan))) as journal:
        journal.append(began())
        journal.append(run_ends())
    run.write(CHECKS_FILE, canonical(checks()[:2]))
    for use in ("status", "report"):
        done = remediate(use, run.name)
        first = done.out.partition("\n")[0].lower()
        assert "not proven: checks.json is not what a verification wrote" in first
        assert "from (113, 0, 3) to (139, 0, 3)" not in done.out
    document = remediate("status", run.name, "--json").document["result"]
    assert isinstance(document, dict)
    assert document["state"] == RunState.UNVERIFIED


def test_a_run_is_not_verified_while_it_is_applied(desk: Desk, state: Path) -> None:
    """Its journal has one writer, which verifies it itself."""
    run = applied(planned(desk))
    before = run.journal.read_bytes()
    with resource_locks(state, run.plan.resources, run.name):
        refused(10, "is being applied right now", arguments=("verify", run.name), state=state)
    assert run.journal.read_bytes() == before


def test_full_directory_for_temporary_files(
    desk: Desk, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signature that cannot be verified for want of room is in doubt; to apply it is refused."""
    run = approved(desk)
    monkeypatch.setattr("tempfile.tempdir", str(state / "nowhere"))
    error = refused(12, "temporary directory", arguments=("apply", run.name), state=state)
    assert "TMPDIR" in error["next"]
    begun(run)
    done = remediate("status", run.name)
    assert done.out.startswith("NOT PROVEN: approvals/001.json was not verified")


def proven(
    desk: Desk,
    run: RunDirectory,
    monkeypatch: pytest.MonkeyPatch,
    results: tuple[CheckResult, ...] = checks()[:2],
) -> CommandResult:
    """What a verification says, in which all checks pass unless told."""
    monkeypatch.setattr(proof, "run_checks", lambda *_, **__: results)
    anchors = Anchors(run.plan, desk.inventory)
    return proof.prove(
        run, Given(run.plan, anchors.inventory, anchors.resolver), Path(), anchors, quiet=True
    )


def test_verdict_remains_if_the_report_cannot_be_written(
    desk: Desk, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is that of the checks, and the record is there."""
    run = approved(desk)
    begun(run)
    real = RunDirectory.write

    def full(self: RunDirectory, name: str, data: bytes) -> Path:
        if name.startswith("report"):
            raise MachineError("no room", guard="g", got="", expected="", next_step="")
        return real(self, name, data)

    monkeypatch.setattr(RunDirectory, "write", full)
    answer = proven(desk, run, monkeypatch)
    assert answer.exit_code is ExitCode.OK
    assert "NOT PROVEN: the report could not be written: no room" in answer.text
    assert f"remediate report {run.name}" in answer.text
    document = remediate("status", run.name, "--json").document["result"]
    assert isinstance(document, dict)
    assert document["state"] == RunState.VERIFIED


def test_verdict_that_cannot_be_recorded_is_shown_and_does_not_count(
    desk: Desk, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks later is not told that the run was verified."""
    run = approved(desk)
    begun(run)
    before = run.journal.read_bytes()

    def full(_: int, __: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("remediations.engine.runs.journal.os.write", full)
        with pytest.raises(MachineError, match="VERIFIED, and this could not be recorded"):
            proven(desk, run, patch)
    assert run.journal.read_bytes() == before
    document = remediate("status", run.name, "--json").document["result"]
    assert isinstance(document, dict)
    assert document["state"] == RunState.UNVERIFIED


def test_a_proven_run_remains_so(desk: Desk, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host is stopped later: the proof of then is not rewritten, and the state of now stands
    beside it, wherever the run is told."""
    run = approved(desk)
    begun(run)
    assert proven(desk, run, monkeypatch).exit_code is ExitCode.OK
    then = (run.path / CHECKS_FILE).read_bytes()
    answer = proven(desk, run, monkeypatch, checks())
    assert answer.exit_code is ExitCode.NOT_VERIFIED
    assert (run.path / CHECKS_FILE).read_bytes() == then
    assert (run.path / "checks-2.json").read_bytes() == canonical(checks())
    assert "(2 of 2 checks pass) and remains so" in answer.text
    assert answer.text.endswith("next: `remediate diagnose`")
    document = remediate("status", run.name, "--json").document["result"]
    assert isinstance(document, dict)
    assert document["state"] == RunState.VERIFIED
    assert document["doubts"] == []
    assert "2 of 2 checks pass; checked again " in document["message"]
    page = (run.path / "report.md").read_text()
    assert "# INC-001 on " in page
    _, _, told = page.partition("## Checks\n")
    proof_told, _, later = told.partition("### How things stood later\n")
    assert ", which proved the run." in proof_told
    assert "P13" not in proof_told
    assert "unverified, 2 of 3 checks pass" in later
    assert "1, before 4" in later.partition("## ")[0]


def test_a_verification_that_was_not_recorded_makes_room(
    desk: Desk, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process died before the record: its results count for nothing, and the next ones have
    their place."""
    run = approved(desk)
    begun(run)
    proven(desk, run, monkeypatch)
    run.write("checks-2.json", canonical(checks()))
    assert "NOT PROVEN: checks-2.json" in remediate("status", run.name).out
    proven(desk, run, monkeypatch)
    assert "NOT PROVEN" not in remediate("status", run.name).out
    assert [len(one.results) for one in run.checks()] == [2, 2]
