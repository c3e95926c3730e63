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
from remediations.engine.runs.records import (
    AcceptedApproval,
    Event,
    JournalEntry,
    RunState,
    Verified,
)
from remediations.engine.runs.status import run_status
from remediations.engine.runs.store import CHECKS_FILE, RunDirectory, checks_file, create_run
from remediations.errors import UsageError
from remediations.systems.comet.reading import sealed
from remediations.values.wire import canonical
from tests.unit.report.journal import checks
from tests.unit.run.events import began, checked, ends, run_ends, started, starts
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


def verified(
    run: RunDirectory, data: bytes, state: Verified = "unverified"
) -> tuple[JournalEntry, ...]:
    """The journal after a verification that came to `data`."""
    with closing(Journal.reopened(run.journal)) as journal:
        said = "2 of 3 checks pass"
        journal.append(checked(state, said, hashlib.sha256(data).hexdigest()))
    return read_journal(run.journal)


def test_checks_are_those_of_a_verification_in_the_journal(run: RunDirectory) -> None:
    """Written without one, edited, exchanged, or gone: told as not proven, and not shown."""
    data, better = canonical(checks()), canonical(checks()[:2])
    assert proven_checks(read_journal(run.journal), run.checks()) == ((), (), ())
    run.write(CHECKS_FILE, data)
    strange = (f"{CHECKS_FILE} is not what a verification wrote: it does not count",)
    assert proven_checks(read_journal(run.journal), run.checks()) == ((), (), strange)

    entries = verified(run, data)
    assert proven_checks(entries, run.checks()) == (checks(), (), ())
    run.write(CHECKS_FILE, better)
    assert proven_checks(entries, run.checks()) == ((), (), strange)

    (run.path / CHECKS_FILE).unlink()
    gone = (f"{CHECKS_FILE}, which the journal names, is missing",)
    assert proven_checks(read_journal(run.journal), run.checks()) == ((), (), gone)


def test_results_of_each_verification_are_kept(run: RunDirectory) -> None:
    """The last one decides until one proves the run; what comes later stands beside it."""
    bad, good = canonical(checks()), canonical(checks()[:2])
    came_to: list[tuple[bytes, Verified]] = [
        (bad, "unverified"),
        (good, "verified"),
        (bad, "unverified"),
    ]
    for number, (data, state) in enumerate(came_to, 1):
        run.write(checks_file(number), data)
        entries = verified(run, data, state)
        proven = proven_checks(entries, run.checks())
        assert proven.decided == (checks()[:2] if number > 1 else checks())
        assert proven.latest == (checks() if number > 2 else ())
        assert proven.doubts == ()
    assert [one.file for one in run.checks()] == ["checks.json", "checks-2.json", "checks-3.json"]
    run.write(checks_file(4), canonical(checks()[1:]))
    (run.path / checks_file(2)).unlink()
    assert proven_checks(entries, run.checks()) == (
        (),
        checks(),
        (
            "checks-4.json is not what a verification wrote: it does not count",
            "checks-2.json, which the journal names, is missing",
        ),
    )


def test_state_of_a_proven_run_is_not_taken_back(run: RunDirectory) -> None:
    """What is true later is told beside it, with its time."""
    with closing(Journal.reopened(run.journal)) as journal:
        journal.append(run_ends())
    verified(run, b"1", "verified")
    entries = verified(run, b"2")
    status = run_status(run.plan, entries, hindrance="", alive=False)
    assert status.state is RunState.VERIFIED
    assert status.message == (
        "2 of 3 checks pass; checked again 2026-11-25 12:02:00 UTC: unverified, 2 of 3 checks pass"
    )
