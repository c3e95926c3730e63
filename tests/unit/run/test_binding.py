"""A run is told only where its files belong together."""

from __future__ import annotations

import hashlib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import Plan
from remediations.engine.runs.binding import (
    approval_doubts,
    check_binding,
    proven_checks,
    run_start,
)
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import AcceptedApproval, Event, JournalEntry
from remediations.engine.runs.store import CHECKS_FILE, RunDirectory, create_run
from remediations.errors import UsageError
from remediations.systems.comet.reading import sealed
from remediations.values.wire import canonical
from tests.unit.report.journal import checks
from tests.unit.run.events import began, checked, ends, started, starts
from tests.unit.run.plans import command, plan, stage
from tests.unit.run.test_store import INVENTORY, approval
from tests.worlds import healthy


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run of two steps on one host, the first of which was announced."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    planned = plan(stage(1, command("val1", "first"), command("val1", "second")))
    made = create_run(planned, sealed(healthy()), INVENTORY, datetime.now(UTC))
    with closing(Journal(made.journal, made.digest)) as journal:
        journal.append(began())
        for step, text in (("1-0", "first"), ("1-1", "second")):
            journal.append(starts(step, "val1", text))
    return made


def exchanged(run: RunDirectory, other: Plan) -> RunDirectory:
    """The same directory with another plan in it, read anew."""
    (run.path / "plan.json").write_bytes(canonical(other))
    return RunDirectory(run.path)


def test_files_of_one_run_belong_together(run: RunDirectory) -> None:
    entries = read_journal(run.journal)
    check_binding(run, entries)
    assert run_start(entries) == started()
    assert run_start(()) is None


def test_another_plan_is_not_told(run: RunDirectory) -> None:
    """Not even one that differs in nothing but its title."""
    other = exchanged(run, replace(run.plan, title="a harmless plan"))
    with pytest.raises(UsageError, match="do not belong together") as refused:
        check_binding(other, read_journal(run.journal))
    assert run.digest[:16] in refused.value.got
    assert str(run.journal) in refused.value.next_step


def test_program_that_ran_and_is_not_planned_is_found(run: RunDirectory) -> None:
    """By the step's id: two steps on one host have each its own program, and run once."""
    head, *_ = read_journal(run.journal)
    first, second = starts("1-0", "val1", "first"), starts("1-1", "val1", "second")
    stories: tuple[tuple[tuple[Event, ...], str], ...] = (
        ((replace(first, step="1-1"),), "step 1-1 on val1 ran another program"),
        ((first, second, second), "step 1-1 on val1 ran twice"),
        ((replace(first, target="val2"),), "step 1-0 on val2 ran another program"),
        ((replace(first, step="7-0"),), "step 7-0 on val1 ran another program"),
        ((first, ends("1-1")), "step 1-1 ended and did not start"),
    )
    for events, said in stories:
        with pytest.raises(UsageError) as refused:
            check_binding(run, (head, *(replace(head, event=event) for event in events)))
        assert refused.value.got == said


def test_approvals_are_those_of_the_start(run: RunDirectory) -> None:
    """One that came later does not count; one that is gone is missed."""
    run.add_approval(approval("later"))
    (later,) = run.approvals
    gone = AcceptedApproval(sha256="1" * 64, principal="alice", key_fingerprint="SHA256:x")
    doubts = approval_doubts(started(gone), run.approvals)
    assert doubts == (
        f"{later.file} is not an approval with which the run was begun: it does not count",
        "the approval of alice that the journal names is missing",
    )
    kept = replace(gone, sha256=later.sha256)
    assert approval_doubts(started(kept), run.approvals) == ()


def verified(run: RunDirectory, data: bytes) -> tuple[JournalEntry, ...]:
    """The journal after a verification that came to `data`."""
    with closing(Journal.reopened(run.journal)) as journal:
        said = "2 of 3 checks pass"
        journal.append(checked("unverified", said, hashlib.sha256(data).hexdigest()))
    return read_journal(run.journal)


def test_checks_are_those_of_the_last_verification(run: RunDirectory) -> None:
    """Written after it, edited, of an earlier one, or gone: told as not proven, and not shown."""
    data, better = canonical(checks()), canonical(checks()[:2])
    assert proven_checks(read_journal(run.journal), run.checks()) == ((), ())
    run.write(CHECKS_FILE, data)
    strange = (f"{CHECKS_FILE} is not what the last verification wrote: it does not count",)
    assert proven_checks(read_journal(run.journal), run.checks()) == ((), strange)

    entries = verified(run, data)
    assert proven_checks(entries, run.checks()) == (checks(), ())
    run.write(CHECKS_FILE, better)
    assert proven_checks(entries, run.checks()) == ((), strange)
    assert proven_checks(verified(run, better), run.checks()) == (checks()[:2], ())
    run.write(CHECKS_FILE, data)
    assert proven_checks(read_journal(run.journal), run.checks()) == ((), strange)

    (run.path / CHECKS_FILE).unlink()
    gone = (f"{CHECKS_FILE}, which the journal names, is missing",)
    assert proven_checks(read_journal(run.journal), run.checks()) == ((), gone)
