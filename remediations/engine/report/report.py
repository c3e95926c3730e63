"""The Report: everything a reader needs to know of one run, as one value. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from remediations.engine.apply.look import Sample
from remediations.engine.plan.plan import Plan
from remediations.engine.report.timeline import TimelineRow, timeline
from remediations.engine.report.verification import (
    Proof,
    Verification,
    proof_of,
    verifications,
)
from remediations.engine.runs.binding import run_start
from remediations.engine.runs.records import (
    ApprovedBy,
    GateEnded,
    JournalEntry,
    RunState,
    Sampled,
    Start,
    StepEnded,
    StepStarting,
    StepVoided,
)
from remediations.engine.runs.status import events_by_step
from remediations.engine.verify.result import CheckResult
from remediations.values.record import Record


class StepRecord(Record, frozen=True, kw_only=True):
    """One step as it ran: its text from the plan, its outcome from the journal."""

    step: str
    target: str
    operation: str
    payload: str
    state: str
    exit_status: int | None
    duration_ms: int
    output: str
    error_output: str


class Report(Record, frozen=True, kw_only=True):
    """One run, complete. Times in UTC; durations in milliseconds, None where it never happened.

    `approvals` are those that were verified; `doubts` is what a reader must know first, above all
    what was not. `samples` are the looks while the plan was carried out; `proof` is the
    verification with which timeline, plots and duration go on, None where there is none that came
    soon enough; `verifications` are all of them, and `checks` the results of the one that decides
    the state of the run: the first in which all pass, else the last one. `latest_checks` are those
    of the last one where that is another one.

    `outage_ms` lasts from when the finding says that it began, `apply_to_gate_ms` from the start of
    the run, and both until the gate after the last stage opened; `apply_to_checked_ms` from the
    start of the run until the last check of its proof.
    """

    run: str
    state: RunState
    digest: str
    plan: Plan
    approvals: tuple[ApprovedBy, ...]
    start: Start | None
    doubts: tuple[str, ...]
    timeline: tuple[TimelineRow, ...]
    steps: tuple[StepRecord, ...]
    samples: tuple[Sample, ...]
    proof: Proof | None
    verifications: tuple[Verification, ...]
    checks: tuple[CheckResult, ...]
    outage_ms: int | None
    apply_to_gate_ms: int | None
    apply_to_checked_ms: int | None
    latest_checks: tuple[CheckResult, ...] = ()


def build_report(
    *,
    run: str,
    state: RunState,
    digest: str,
    plan: Plan,
    approvals: Sequence[ApprovedBy],
    doubts: Sequence[str],
    entries: Sequence[JournalEntry],
    checks: Sequence[CheckResult],
    latest: Sequence[CheckResult] = (),
) -> Report:
    """The report of what the journal and the checks say."""
    opened_at = _last_gate_opened(plan, entries)
    began_at = entries[0].at if entries else None
    proof = proof_of(entries)
    return Report(
        run=run,
        state=state,
        digest=digest,
        plan=plan,
        approvals=tuple(approvals),
        start=run_start(entries),
        doubts=tuple(doubts),
        timeline=timeline(plan, approvals, entries, proof),
        steps=tuple(_steps(plan, entries)),
        samples=tuple(
            Sample(at=entry.at, sight=entry.event.sight)
            for entry in entries
            if isinstance(entry.event, Sampled)
        ),
        proof=proof,
        verifications=verifications(entries),
        checks=tuple(checks),
        outage_ms=_between(plan.finding.since, opened_at),
        apply_to_gate_ms=_between(began_at, opened_at),
        apply_to_checked_ms=_between(began_at, proof.verification.ended if proof else None),
        latest_checks=tuple(latest),
    )


def _last_gate_opened(plan: Plan, entries: Iterable[JournalEntry]) -> datetime | None:
    """When the gate after the plan's last stage opened; None where it did not."""
    last = plan.stages[-1].number if plan.stages else None
    for entry in entries:
        event = entry.event
        if isinstance(event, GateEnded) and (event.stage, event.state) == (last, "opened"):
            return entry.at
    return None


def _between(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None:
        return None
    return int((end - start).total_seconds() * 1000)


def _steps(plan: Plan, entries: Sequence[JournalEntry]) -> Iterable[StepRecord]:
    ended = events_by_step(entries, StepEnded)
    started = events_by_step(entries, StepStarting)
    voided = events_by_step(entries, StepVoided)
    for step in (*plan.steps, *(one for one in plan.undo_steps if one.id in started)):
        end = ended.get(step.id)
        without = "unknown" if step.id in started else "not started"
        without = "voided" if step.id in voided else without
        yield StepRecord(
            step=step.id,
            target=step.target,
            operation=step.operation,
            payload=step.payload,
            state=end.state if end else without,
            exit_status=end.exit_status if end else None,
            duration_ms=end.duration_ms if end else 0,
            output=end.output if end else "",
            error_output=end.error_output if end else "",
        )
