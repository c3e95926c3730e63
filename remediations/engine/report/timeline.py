"""What happened in a run, in order: from what was observed to what its checks came to. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from remediations.engine.plan.plan import Plan
from remediations.engine.report.verification import (
    WORST_FIRST,
    CheckMoment,
    Proof,
    check_moments,
)
from remediations.engine.runs.records import (
    ApprovedBy,
    Checked,
    Event,
    FactsHeld,
    FenceGiven,
    FenceStolen,
    FenceTaken,
    GateEnded,
    GateWaiting,
    JournalEntry,
    NothingToUndo,
    RunAbandoned,
    RunBegan,
    RunEnded,
    RunResumed,
    Sampled,
    StepEnded,
    StepStarting,
    StepVoided,
    StopAsked,
    UndoBegan,
)
from remediations.engine.verify.result import CheckOutcome
from remediations.render.formats import name_some
from remediations.values.record import Moment, Record


class TimelineRow(Record, frozen=True, kw_only=True):
    """One line of the timeline. `detail` may be empty."""

    at: Moment
    what: str
    detail: str
    good: bool


def timeline(
    plan: Plan,
    approvals: Sequence[ApprovedBy],
    entries: Sequence[JournalEntry],
    proof: Proof | None,
) -> tuple[TimelineRow, ...]:
    """All rows by time. Each check of the run's proof has one; a later verification has one."""
    targets = {step.id: step.target for step in (*plan.steps, *plan.undo_steps)}
    titles = {check.id: check.title for check in plan.checks}
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
    if proof is not None:
        rows += _of_checks(proof, titles)
    for entry in entries:
        told = _told(entry.event, targets)
        if told is not None:
            rows.append(_row(entry.at, *told))
    return tuple(sorted(rows, key=lambda row: row.at))


def _of_checks(proof: Proof, titles: Mapping[str, str]) -> Iterator[TimelineRow]:
    yield _row(proof.verification.began, "checks began", "")
    looks = {"first": proof.samples[:1], "last": proof.samples[1:][-1:]}
    for which, samples in looks.items():
        for sample in samples:
            yield _row(sample.at, f"{which} look of the checks", sample.sight.headline)
    for moment in check_moments(proof.verification.checks):
        title = titles.get(moment.id, "")
        came_to = _outcomes(moment)
        yield _row(
            moment.at,
            f"check {moment.id}",
            f"{title}: {came_to}" if title else came_to,
            good=moment.outcome is CheckOutcome.PASSED,
        )


def _outcomes(moment: CheckMoment) -> str:
    """What it came to and where, the worst first: `failed on val1; passed on val2, val3`."""
    return "; ".join(
        f"{outcome} on {name_some(hosts)}" if any(hosts) else outcome
        for outcome in WORST_FIRST
        if (hosts := [end.host for end in moment.ends if end.outcome is outcome])
    )


def _of_fence(event: FenceTaken | FenceGiven) -> str:
    return f"{event.resource} on {name_some(event.hosts) if event.hosts else 'no host'}"


def _told(event: Event, targets: Mapping[str, str]) -> tuple[str, str, bool] | None:
    """What an event is called, its detail, and whether it is good; None for a look, which the
    plots show. `targets`: what each step of the plan acts on."""
    match event:
        case RunBegan():
            return "run began", event.message, True
        case RunResumed():
            return "run resumed", event.message, True
        case UndoBegan():
            return "undo began", f"{event.reason}; {event.message}", False
        case NothingToUndo():
            steps = ", ".join(event.steps)
            return f"nothing to undo on {event.target}", f"no effect of {steps} is there", True
        case StopAsked():
            return "stop asked", f"by {event.actor}: {event.reason}", False
        case FactsHeld():
            return "facts held", f"{event.count} facts hold", True
        case FenceStolen():
            return f"fence {event.number} was stolen before", event.said, False
        case FenceTaken():
            return f"fence {event.number} taken", _of_fence(event), True
        case FenceGiven():
            return f"fence {event.number} given back", _of_fence(event), True
        case StepStarting():
            return f"step {event.step} starting on {event.target}", event.action, True
        case StepEnded():
            where = f"step {event.step} ended on {targets.get(event.step, '?')}"
            return where, _with(event.state, event.message), event.state == "done"
        case StepVoided():
            return f"step {event.step} voided on {event.target}", "it can never start", False
        case GateWaiting():
            return "gate waiting", event.title, True
        case GateEnded():
            detail = _with(event.state, f"{event.title}: {event.seen}")
            return "gate ended", detail, event.state == "opened"
        case Sampled():
            return None
        case RunEnded(state="running" | "undone"):
            return "run ended", event.message, True
        case RunEnded():
            return "run ended", _with(event.state, event.message), False
        case RunAbandoned():
            return "run abandoned", event.reason, False
        case Checked():
            return "checked", _with(event.state, event.message), event.state == "verified"


def _with(state: str, message: str) -> str:
    return f"{state}: {message}" if message else state


def _row(at: datetime, what: str, detail: str, good: bool = True) -> TimelineRow:
    return TimelineRow(at=at, what=what, detail=detail, good=good)
