"""The Report: everything a reader needs to know of one run, as one value. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from remediations.engine.apply.look import Sight
from remediations.engine.plan.plan import Plan
from remediations.engine.runs.binding import run_start
from remediations.engine.runs.records import (
    ApprovedBy,
    Checked,
    Event,
    FactsHeld,
    GateEnded,
    GateWaiting,
    JournalEntry,
    RunBegan,
    RunEnded,
    RunState,
    Sampled,
    Start,
    StepEnded,
    StepStarting,
)
from remediations.engine.runs.status import events_by_step
from remediations.engine.verify.result import CheckResult
from remediations.values.record import Moment, Record


class TimelineRow(Record, frozen=True, kw_only=True):
    """One line of the timeline. `detail` may be empty."""

    at: Moment
    what: str
    detail: str
    good: bool


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


class Sample(Record, frozen=True, kw_only=True):
    """One look at the world while the plan was carried out."""

    at: Moment
    sight: Sight


class Report(Record, frozen=True, kw_only=True):
    """One run, complete. Times in UTC; durations in milliseconds, None where it never happened.

    `approvals` are those that were verified; `doubts` is what a reader must know first, above all
    what was not. `outage_ms` lasts from when the finding says that it began, `apply_to_gate_ms`
    from the start of the run, and both until the gate after the last stage opened.
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
    checks: tuple[CheckResult, ...]
    outage_ms: int | None
    apply_to_gate_ms: int | None


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
) -> Report:
    """The report of what the journal and the checks say."""
    opened_at = _last_gate_opened(plan, entries)
    return Report(
        run=run,
        state=state,
        digest=digest,
        plan=plan,
        approvals=tuple(approvals),
        start=run_start(entries),
        doubts=tuple(doubts),
        timeline=tuple(_timeline(plan, approvals, entries)),
        steps=tuple(_steps(plan, entries)),
        samples=tuple(
            Sample(at=entry.at, sight=entry.event.sight)
            for entry in entries
            if isinstance(entry.event, Sampled)
        ),
        checks=tuple(checks),
        outage_ms=_between(plan.finding.since, opened_at),
        apply_to_gate_ms=_between(entries[0].at if entries else None, opened_at),
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
    for step in plan.steps:
        end = ended.get(step.id)
        without = "unknown" if step.id in started else "not started"
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


def _timeline(
    plan: Plan, approvals: Sequence[ApprovedBy], entries: Sequence[JournalEntry]
) -> list[TimelineRow]:
    targets = {step.id: step.target for step in plan.steps}
    rows = [_row(plan.observed_at, "observed", plan.finding.explanation)]
    if plan.finding.since is not None:
        rows.append(_row(plan.finding.since, f"{plan.finding.verdict} since then", ""))
    rows += [
        _row(
            a.dated,
            f"approved by {a.principal}",
            f"{a.key_fingerprint}; the time is the file's, the signature does not cover it",
        )
        for a in approvals
    ]
    for entry in entries:
        told = _told(entry.event, targets)
        if told is not None:
            rows.append(_row(entry.at, *told))
    return sorted(rows, key=lambda row: row.at)


def _told(event: Event, targets: Mapping[str, str]) -> tuple[str, str, bool] | None:
    """What an event is called, its detail, and whether it is good; None for a look, which the
    plots show. `targets`: what each step of the plan acts on."""
    match event:
        case RunBegan():
            return "run began", event.message, True
        case FactsHeld():
            return "facts held", f"{event.count} facts hold", True
        case StepStarting():
            return f"step {event.step} starting on {event.target}", event.action, True
        case StepEnded():
            where = f"step {event.step} ended on {targets.get(event.step, '?')}"
            return where, _with(event.state, event.message), event.state == "done"
        case GateWaiting():
            return "gate waiting", event.title, True
        case GateEnded():
            detail = _with(event.state, f"{event.title}: {event.seen}")
            return "gate ended", detail, event.state == "opened"
        case Sampled():
            return None
        case RunEnded(state="running"):
            return "run ended", event.message, True
        case RunEnded():
            return "run ended", _with(event.state, event.message), False
        case Checked():
            return "checked", _with(event.state, event.message), event.state == "verified"


def _with(state: str, message: str) -> str:
    return f"{state}: {message}" if message else state


def _row(at: datetime, what: str, detail: str, good: bool = True) -> TimelineRow:
    return TimelineRow(at=at, what=what, detail=detail, good=good)
