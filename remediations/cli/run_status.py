"""The state of a run, from its files alone. Loads no code for reports, pages or plots."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from remediations.cli.anchors import Anchors
from remediations.cli.output import next_command
from remediations.engine.plan.plan import Plan
from remediations.engine.runs.binding import (
    approval_doubts,
    check_binding,
    proven_checks,
    run_start,
)
from remediations.engine.runs.journal import read_journal
from remediations.engine.runs.lock import is_being_applied
from remediations.engine.runs.records import JournalEntry, StepState
from remediations.engine.runs.status import RunStatus, run_status
from remediations.engine.runs.store import RunDirectory, state_directory
from remediations.errors import ApprovalError, UsageError


def quick_status(run: RunDirectory, inventory: Path | None) -> tuple[RunStatus, tuple[str, ...]]:
    """The state of a run, and the doubts about its files. If the run was begun, signatures are not
    verified. `inventory` is the one that was given.

    Raises:
        UsageError: a file is not what was written, or the files do not belong together.
        MachineError: a file cannot be read.
    """
    entries = read_bound_journal(run)
    approvals, start = run.approvals, run_start(entries)
    waits_for = "" if entries else find_hindrance(run, Anchors(run.plan, inventory))
    doubts = proven_checks(entries, run.checks()).doubts
    if start is not None:
        doubts = (*approval_doubts(start, approvals), *doubts)
    return current_status(run, entries, waits_for), doubts


def current_status(
    run: RunDirectory, entries: tuple[JournalEntry, ...], hindrance: str
) -> RunStatus:
    """The state of a run whose journal was read. `hindrance` says why it may not be applied."""
    return run_status(
        run.plan,
        entries,
        hindrance=hindrance,
        alive=is_being_applied(state_directory(), run.plan.resources, run.name),
    )


def read_bound_journal(run: RunDirectory) -> tuple[JournalEntry, ...]:
    """Read the journal of a run, and check that it belongs to the plan.

    Raises:
        UsageError: it was edited, or belongs to another plan.
    """
    entries = read_journal(run.journal)
    check_binding(run, entries)
    return entries


def is_expired(plan: Plan) -> bool:
    """Whether the plan has expired: what it was made from is too old."""
    return datetime.now(UTC) >= plan.expires_at


def find_hindrance(run: RunDirectory, anchors: Anchors) -> str:
    """Why `apply` would refuse it as it is now; "" if it would not."""
    if is_expired(run.plan):
        return "the plan has expired"
    # Imported here: only a run that was not applied yet has signatures to verify.
    from remediations.engine.approve.approve import verify_approvals

    approvals = [one.approval for one in run.approvals]
    try:
        verify_approvals(approvals, run.plan, anchors.verifier, datetime.now(UTC))
        _ = anchors.hosts
    except (ApprovalError, UsageError) as error:
        return f"{error.what} ({error.guard}: {error.got})"
    return ""


def way_on(run: RunDirectory, *states: StepState) -> str:
    """What to do with a run that did not get through, from the states of its steps: go on with it,
    unless one of them can never be done; or take back what it did, where the plan has a way."""
    ways = []
    if not {StepState.FAILED, StepState.VOIDED} & set(states):
        ways.append(f"`{next_command('resume', run.reference)}` goes on with it")
    if run.plan.undo_steps and set(states) - {StepState.PLANNED, StepState.VOIDED}:
        back = next_command("undo", run.reference, "--reason", "WHY")
        ways.append(f"`{back}` takes back what it did")
    return "; or ".join((*ways, "`remediate diagnose` and a new plan"))
