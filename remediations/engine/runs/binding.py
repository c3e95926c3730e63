"""Checks that the files of a run belong together: the journal is the record, others must match it.

If a plan was replaced after the run, the new one would be reported as what was done. So everything
that reports about a run checks this first. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from remediations.engine.plan.plan import Plan
from remediations.engine.runs.records import (
    Checked,
    JournalEntry,
    RunBegan,
    Start,
    StepEnded,
    StepStarting,
)
from remediations.engine.runs.status import last_event
from remediations.engine.runs.store import CHECKS_FILE, KeptApproval, KeptChecks, RunDirectory
from remediations.engine.verify.result import CheckResult
from remediations.errors import UsageError


def check_binding(run: RunDirectory, entries: Sequence[JournalEntry]) -> None:
    """Check that the journal belongs to the run's plan, and that what ran is what the plan says.

    Raises:
        UsageError: it does not; says where. Then the plan must not be reported as what was done.
    """
    for trouble in _troubles(run.plan, run.digest, entries):
        raise UsageError(
            f"the files of run {run.reference} do not belong together: another plan was applied",
            guard="journal and plan",
            got=trouble,
            expected="the plan and the programs that the journal has recorded",
            next_step="keep the directory as it is, and find out who changed it; `python -m "
            f"remediations.engine.runs.journal_check {run.journal}` tells what was recorded",
        )


def run_start(entries: Sequence[JournalEntry]) -> Start | None:
    """How the run was begun; None if it was not."""
    began = last_event(entries, RunBegan)
    return began.start if began else None


def approval_doubts(start: Start, kept: Sequence[KeptApproval]) -> tuple[str, ...]:
    """What is wrong with the approvals in the directory of a run, one sentence each."""
    accepted = {approval.sha256: approval for approval in start.approvals}
    found = {one.sha256 for one in kept}
    return (
        *(
            f"{one.file} is not an approval with which the run was begun: it does not count"
            for one in kept
            if one.sha256 not in accepted
        ),
        *(
            f"the approval of {approval.principal} that the journal names is missing"
            for digest, approval in accepted.items()
            if digest not in found
        ),
    )


def proven_checks(
    entries: Sequence[JournalEntry], kept: KeptChecks | None
) -> tuple[tuple[CheckResult, ...], tuple[str, ...]]:
    """The results of the last verification in the journal, and what is wrong with the file of
    results, one sentence each."""
    last = last_event(entries, Checked)
    if kept is None and last is None:
        return (), ()
    if kept is None:
        return (), (f"{CHECKS_FILE}, which the journal names, is missing",)
    if last is None or last.checks_sha256 != kept.sha256:
        return (), (f"{CHECKS_FILE} is not what the last verification wrote: it does not count",)
    return kept.results, ()


def _troubles(plan: Plan, digest: str, entries: Sequence[JournalEntry]) -> list[str]:
    troubles = [
        f"plan.json is plan {digest[:16]}, line {entry.number} of the journal is of plan "
        f"{entry.plan[:16]}"
        for entry in entries
        if entry.plan != digest
    ][:1]
    planned = {
        step.id: (step.target, hashlib.sha256(step.payload.encode()).hexdigest())
        for step in plan.steps
    }
    begun: set[str] = set()
    for event in (entry.event for entry in entries):
        if isinstance(event, StepStarting):
            if event.step in begun:
                troubles.append(f"step {event.step} on {event.target} ran twice")
            elif planned.get(event.step) != (event.target, event.payload_sha256):
                troubles.append(f"step {event.step} on {event.target} ran another program")
            begun.add(event.step)
        elif isinstance(event, StepEnded) and event.step not in begun:
            troubles.append(f"step {event.step} ended and did not start")
    return troubles
