"""`stop`, `abandon` and `resume` where they cannot do what they are asked for."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from remediations.engine.apply import settle, stop
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.lock import resource_locks
from remediations.engine.runs.store import RunDirectory
from tests.unit.cli.desk import Desk, remediate
from tests.unit.cli.scripted import approved
from tests.unit.cli.wrong import is_document, refused
from tests.unit.run.events import began, starts

WHY = ("--reason", "a test")


@pytest.fixture
def run(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """An approved run of two stages on hosts that nobody can reach."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(stop, "STOP_PATIENCE_S", 0)
    monkeypatch.setattr(settle, "ASK_S", 0)
    return approved(desk, tmp_path / "state")


def begin(run: RunDirectory) -> None:
    """A journal with a start, as if its process had died before the first step."""
    with closing(Journal(run.journal, run.digest)) as journal:
        journal.append(began())


@pytest.mark.parametrize("verb", ["resume", "stop", "abandon"])
def test_a_run_that_is_not_there(run: RunDirectory, verb: str) -> None:
    """Exit 2, and the command that lists them."""
    more = () if verb == "resume" else WHY
    refused(2, "remediate status", arguments=(verb, "tuesday", *more), state=run.path)


def test_targets_that_do_not_answer(run: RunDirectory) -> None:
    """Exit 11 with a receipt: which steps may still start is said, and to ask again."""
    error = is_document(remediate("stop", run.name, *WHY, "--json"), 11, "could not be asked")
    assert "step 1-0 on val4" in error["got"]
    assert error["next"].count("remediate stop ") == 1


def test_a_run_that_was_begun_keeps_the_attempt_to_stop_it(run: RunDirectory) -> None:
    """Who asked, and that nothing of it is known to be stopped."""
    begin(run)
    is_document(remediate("stop", run.name, *WHY, "--json"), 11)
    kinds = [type(entry.event).__name__ for entry in read_journal(run.journal)]
    assert kinds == ["RunBegan", "StopAsked", "RunEnded"]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301, "two\nlines", "\x1b[2J"])
@pytest.mark.parametrize("verb", ["stop", "abandon"])
def test_a_reason_that_nobody_could_read(run: RunDirectory, verb: str, reason: str) -> None:
    """Exit 2 before any host is asked."""
    refused(2, "reason", arguments=(verb, run.name, "--reason", reason), state=run.path)


def test_an_inventory_with_other_hosts(run: RunDirectory, tmp_path: Path) -> None:
    """The names of the plan may lead to other machines there: exit 5, nothing is asked."""
    other = tmp_path / "other.yaml"
    other.write_text(
        "version: 1\nchain: {id: other-1}\nallowed_signers: none\nhosts:\n  val1: {role: full}\n"
    )
    refused(5, "inventory digest", arguments=("stop", run.name, *WHY, "-i", other), state=run.path)


def test_a_run_that_is_being_applied_is_not_abandoned(run: RunDirectory, tmp_path: Path) -> None:
    """Exit 10, and the command that stops it."""
    begin(run)
    with resource_locks(tmp_path / "state", run.plan.resources, run.name):
        refused(10, "remediate stop ", arguments=("abandon", run.name, *WHY), state=run.path)


def test_an_edited_journal_is_not_resumed(run: RunDirectory) -> None:
    """Exit 2: what was done would be anybody's guess."""
    begin(run)
    run.journal.write_bytes(run.journal.read_bytes().replace(b"by alice", b"by otto!"))
    with closing(Journal.reopened(run.journal)) as journal:
        journal.append(starts("1-0", "val4"))
    lines = run.journal.read_bytes().splitlines(keepends=True)
    run.journal.write_bytes(lines[0].replace(b"by otto!", b"by alice") + lines[1])
    refused(2, "journal", arguments=("resume", run.name), state=run.path)


def test_an_abandonment_needs_a_reason(run: RunDirectory) -> None:
    """It is a usage error like any other."""
    refused(2, "--reason", arguments=("abandon", run.name), state=run.path)
