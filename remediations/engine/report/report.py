"""The Report: everything a reader needs to know of one run, as one value. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from remediations.engine.plan.plan import Plan
from remediations.engine.runs.records import (
    ApprovedBy,
    CommandState,
    Entry,
    EntryKind,
    RunState,
    Start,
)
from remediations.engine.runs.status import by_step
from remediations.engine.verify.result import CheckResult
from remediations.values.record import Moment, Record


class Event(Record, frozen=True, kw_only=True):
    """One line of the timeline. `detail` may be empty."""

    at: Moment
    what: str
    detail: str
    good: bool


class CommandRecord(Record, frozen=True, kw_only=True):
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
    """One look at the set while the run went on. A height is None where nobody answered."""

    at: Moment
    round: int
    online_power: int
    total_power: int
    heights: tuple[tuple[str, int | None], ...]


class Report(Record, frozen=True, kw_only=True):
    """One run, complete. Times in UTC; durations in milliseconds, None where it never happened.

    `approvals` are those that were verified; `doubts` is what a reader must know first, above all
    what was not.
    """

    run: str
    state: RunState
    digest: str
    plan: Plan
    approvals: tuple[ApprovedBy, ...]
    start: Start | None
    doubts: tuple[str, ...]
    timeline: tuple[Event, ...]
    commands: tuple[CommandRecord, ...]
    samples: tuple[Sample, ...]
    checks: tuple[CheckResult, ...]
    down_ms: int | None
    recovery_ms: int | None


BAD_STATES = frozenset(
    {
        *(CommandState.FAILED, CommandState.UNKNOWN),
        *(RunState.STOPPED, RunState.ABORTED, RunState.UNVERIFIED),
    }
)
UNREMARKABLE = frozenset({CommandState.STARTED, RunState.RUNNING})
"""States that say no more than the entry's kind does."""


def build_report(
    *,
    run: str,
    state: RunState,
    digest: str,
    plan: Plan,
    approvals: Sequence[ApprovedBy],
    doubts: Sequence[str],
    entries: Sequence[Entry],
    checks: Sequence[CheckResult],
) -> Report:
    """The report of what the journal and the checks say."""
    samples = tuple(_samples(entries))
    began = next((e.at for e in entries if e.kind is EntryKind.RUN_BEGAN), None)
    recovered = _recovered(plan, entries)
    return Report(
        run=run,
        state=state,
        digest=digest,
        plan=plan,
        approvals=tuple(approvals),
        start=entries[0].start if entries else None,
        doubts=tuple(doubts),
        timeline=tuple(_timeline(plan, approvals, entries)),
        commands=tuple(_commands(plan, entries)),
        samples=samples,
        checks=tuple(checks),
        down_ms=_between(plan.finding.since, recovered),
        recovery_ms=_between(began, recovered),
    )


def _samples(entries: Iterable[Entry]) -> Iterable[Sample]:
    for entry in entries:
        if entry.kind is EntryKind.SAMPLE:
            yield Sample(
                at=entry.at,
                round=entry.round,
                online_power=entry.online_power,
                total_power=entry.total_power,
                heights=tuple((h.host, h.height) for h in entry.heights),
            )


def _recovered(plan: Plan, entries: Iterable[Entry]) -> datetime | None:
    """When the gate of the last stage opened; None where not all did."""
    opened = [
        entry.at
        for entry in entries
        if entry.kind is EntryKind.GATE_ENDED and entry.state == CommandState.DONE
    ]
    return opened[-1] if opened and len(opened) == len(plan.stages) else None


def _between(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None:
        return None
    return int((end - start).total_seconds() * 1000)


def _commands(plan: Plan, entries: Sequence[Entry]) -> Iterable[CommandRecord]:
    ended = by_step(entries, EntryKind.COMMAND_ENDED)
    started = by_step(entries, EntryKind.COMMAND_STARTING)
    for step in plan.steps:
        entry = ended.get(step.id)
        state = "unknown" if step.id in started else "not started"
        yield CommandRecord(
            step=step.id,
            target=step.target,
            operation=step.operation,
            payload=step.payload,
            state=entry.state if entry else state,
            exit_status=entry.exit_status if entry else None,
            duration_ms=entry.duration_ms if entry else 0,
            output=entry.output if entry else "",
            error_output=entry.error_output if entry else "",
        )


def _timeline(
    plan: Plan,
    approvals: Sequence[ApprovedBy],
    entries: Sequence[Entry],
) -> list[Event]:
    events = [_event(plan.observed_at, "observed", plan.finding.explanation)]
    if plan.finding.since is not None:
        events.append(_event(plan.finding.since, f"began: {plan.finding.headline}", ""))
    events += [
        _event(
            a.dated,
            f"approved by {a.principal}",
            f"{a.key_fingerprint}; the time is the file's, the signature does not cover it",
        )
        for a in approvals
    ]
    for entry in entries:
        if entry.kind is not EntryKind.SAMPLE:  # these have a plot of their own
            good = entry.state not in BAD_STATES
            where = f" on {entry.host}" if entry.host else ""
            kind = entry.kind.replace("-", " ").replace("command", f"step {entry.step}")
            what = f"{kind}{where}"
            state = "" if entry.state in UNREMARKABLE else entry.state
            detail = ": ".join(part for part in (state, entry.message) if part)
            events.append(_event(entry.at, what, detail, good=good))
    return sorted(events, key=lambda event: event.at)


def _event(at: datetime, what: str, detail: str, *, good: bool = True) -> Event:
    return Event(at=at, what=what, detail=detail, good=good)
