"""Where a run stands, from its files alone: no reports, pages or plots are loaded for it."""

from __future__ import annotations

from datetime import UTC, datetime

from remediations.cli.signers import allowed, approved_hosts
from remediations.errors import ApprovalError
from remediations.plan.plan import Plan
from remediations.run.journal import read_journal
from remediations.run.lock import holder
from remediations.run.status import Status, status_of
from remediations.run.store import RunDirectory, state_directory
from remediations.verify.result import CheckOutcome


def standing(directory: RunDirectory) -> Status:
    """The state of a run and of each of its commands.

    Raises:
        UsageError: one of its files is not what was written.
        MachineError: one of them cannot be read.
    """
    plan = directory.plan()
    entries = read_journal(directory.journal)
    checks = directory.checks()
    return status_of(
        plan,
        entries,
        hindrance="" if entries else _hindrance(directory, plan),
        verified=all(c.outcome is CheckOutcome.PASSED for c in checks) if checks else None,
        alive=holder(state_directory(), plan.chain_id) == directory.name,
    )


def expired(plan: Plan) -> bool:
    """Whether what the plan was made from is too old by now."""
    return datetime.now(UTC) >= plan.expires_at


def _hindrance(directory: RunDirectory, plan: Plan) -> str:
    """Why `apply` would not accept it as it is now; empty if it would."""
    if expired(plan):
        return "the plan has expired"
    # Not at the top: only a run that was not applied yet has signatures to verify.
    from remediations.approve.approve import enough

    try:
        signers = allowed(approved_hosts(directory, plan), None)
        enough(directory.approvals(), plan, signers, datetime.now(UTC))
    except ApprovalError as error:
        return f"{error.what} ({error.guard}: {error.got})"
    return ""
