"""Checks that the files of a run belong together: the journal is the record, others must match it.

If a plan was replaced after the run, the new one would be reported as what was done. So everything
that reports about a run checks this first. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from remediations.engine.plan.plan import Plan
from remediations.engine.runs.records import (
    Checked,
    JournalEntry,
    RunBegan,
    RunResumed,
    Start,
    StepEnded,
    StepStarting,
    StepState,
    StepVoided,
    UndoBegan,
)
from remediations.engine.runs.status import OPEN, deciding_verification, last_event, step_states
from remediations.engine.runs.store import (
    KeptApproval,
    KeptChecks,
    RunDirectory,
    checks_file,
)
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
            f"remediations.engine.runs.journal_check {run.journal}` shows what was recorded",
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


class ProvenChecks(NamedTuple):
    """The results that the journal names. `decided` are those of the verification that decides the
    state of the run; `latest` are those of the last one, empty where that is the same. `doubts` is
    what is wrong with the files, one sentence each."""

    decided: tuple[CheckResult, ...]
    latest: tuple[CheckResult, ...]
    doubts: tuple[str, ...]


def proven_checks(entries: Sequence[JournalEntry], kept: Sequence[KeptChecks]) -> ProvenChecks:
    """The results in `kept` that are those of a verification in the journal."""
    every = [entry.event for entry in entries if isinstance(entry.event, Checked)]
    named = {event.checks_sha256 for event in every}
    by_hash = {one.sha256: one.results for one in kept}
    strange = {one.file for one in kept if one.sha256 not in named}
    doubts = [f"{file} is not what a verification wrote: it does not count" for file in strange]
    decides = deciding_verification(entries)
    latest = every[-1] if every and every[-1] is not decides else None
    for number, event in enumerate(every, 1):
        file, shown = checks_file(number), event is decides or event is latest
        if shown and event.checks_sha256 not in by_hash and file not in strange:
            doubts.append(f"{file}, which the journal names, is missing")
    return ProvenChecks(
        by_hash.get(decides.checks_sha256, ()) if decides else (),
        by_hash.get(latest.checks_sha256, ()) if latest else (),
        tuple(doubts),
    )


def _troubles(plan: Plan, digest: str, entries: Sequence[JournalEntry]) -> list[str]:
    troubles = [
        f"plan.json is plan {digest[:16]}, line {entry.number} of the journal is of plan "
        f"{entry.plan[:16]}"
        for entry in entries
        if entry.plan != digest
    ][:1]
    planned = {
        step.id: (step.target, hashlib.sha256(step.payload.encode()).hexdigest())
        for step in (*plan.steps, *plan.undo_steps)
    }
    troubles += _wrong_way(plan, entries)
    for event, before in _steps_with_state(entries):
        if isinstance(event, StepStarting):
            if before is not None:
                troubles.append(f"step {event.step} on {event.target} ran twice")
            elif planned.get(event.step) != (event.target, event.payload_sha256):
                troubles.append(f"step {event.step} on {event.target} ran another program")
        elif isinstance(event, StepEnded):
            if before is None:
                troubles.append(f"step {event.step} ended and did not start")
            elif before not in OPEN:
                troubles.append(f"step {event.step} ended twice")
        elif before is not None:
            troubles.append(f"step {event.step} on {event.target} was voided after it had started")
    return troubles


def _wrong_way(plan: Plan, entries: Sequence[JournalEntry]) -> Iterator[str]:
    """Steps that take others back before the run is undone, and others after that."""
    back, undone = {step.id for step in plan.undo_steps}, False
    for event in (entry.event for entry in entries):
        undone = undone or isinstance(event, UndoBegan)
        if isinstance(event, StepStarting) and (event.step in back) != undone:
            what = "while the run was undone" if undone else "and nobody undid the run"
            yield f"step {event.step} on {event.target} ran {what}"


def _steps_with_state(
    entries: Sequence[JournalEntry],
) -> Iterator[tuple[StepStarting | StepEnded | StepVoided, StepState | None]]:
    """Every event of a step with the state before it. A run that is taken up again may start each
    step again whose end nobody saw: its state before is None then, as if it had not been
    started."""
    states: dict[str, StepState] = {}
    again: frozenset[str] = frozenset()
    for entry in entries:
        event = entry.event
        if isinstance(event, RunResumed | UndoBegan):
            again = frozenset(step for step, state in states.items() if state in OPEN)
        elif isinstance(event, StepStarting | StepEnded | StepVoided):
            reopened = isinstance(event, StepStarting) and event.step in again
            yield event, None if reopened else states.get(event.step)
            if isinstance(event, StepStarting):
                again -= {event.step}
            states |= step_states([entry])
