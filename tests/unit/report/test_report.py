"""What a journal amounts to: durations, commands, and a timeline in order."""

from __future__ import annotations

from remediations.engine.plan.plan import Plan
from remediations.engine.report.report import Report, build_report
from remediations.engine.runs.records import Event, RunState, StepEnded
from remediations.values.wire import canonical, decode
from tests.unit.plan.cases import DIGEST, plan_of, quorum_lost
from tests.unit.report.journal import RUN, entries, report


def without(plan: Plan, kind: type[Event]) -> Report:
    """The report of a journal that lacks one kind of event."""
    return build_report(
        run=RUN,
        state=RunState.UNKNOWN,
        digest=DIGEST,
        plan=plan,
        approvals=[],
        doubts=[],
        entries=[e for e in entries(plan) if not isinstance(e.event, kind)],
        checks=[],
    )


def test_durations_are_from_the_journal() -> None:
    """Halted since the last block; the last gate opened 14.3 s after the run began."""
    found = report()
    assert found.apply_to_gate_ms == 14_300
    assert found.outage_ms == (60 + 60 + 60 + 14) * 1000 + 300


def test_without_an_open_gate_nothing_is_claimed() -> None:
    """Durations that never came to an end are unknown, not zero."""
    stopped = report(good=False)
    assert stopped.outage_ms is None
    assert stopped.apply_to_gate_ms is None


def test_steps_come_from_the_plan() -> None:
    """Text from the plan, outcome from the journal."""
    (step,) = report().steps
    assert step.payload == report().plan.steps[0].payload
    assert (step.state, step.exit_status, step.duration_ms) == ("done", 0, 1834)


def test_step_without_an_end_is_unknown() -> None:
    """What was announced and never confirmed is not guessed."""
    plan = plan_of(quorum_lost())
    assert without(plan, StepEnded).steps[0].state == "unknown"
    nothing = build_report(
        run=RUN,
        state=RunState.APPROVED,
        digest=DIGEST,
        plan=plan,
        approvals=[],
        doubts=[],
        entries=[],
        checks=[],
    )
    assert nothing.steps[0].state == "not started"
    assert nothing.steps[0].exit_status is None


def test_timeline_is_in_order_and_complete() -> None:
    """From the last block to the checks, each thing once, samples left to the plot."""
    events = report().timeline
    assert list(events) == sorted(events, key=lambda event: event.at)
    assert [event.what for event in events] == [
        "quorum-lost since then",
        "observed",
        "approved by alice@example.org",
        "run began",
        "facts held",
        "step 1-0 starting on val1",
        "step 1-0 ended on val1",
        "gate waiting",
        "gate ended",
        "run ended",
        "checks began",
        "first look of the checks",
        "check P1",
        "check P10",
        "last look of the checks",
        "check P13",
        "checked",
    ]
    failed, bad = (event for event in events if not event.good)
    assert failed.what == "check P13"
    assert (bad.what, bad.detail) == ("checked", "unverified: 2 of 3 checks pass")


def test_failure_stands_out() -> None:
    """What failed is marked so."""
    bad = [event.what for event in report(good=False).timeline if not event.good]
    assert bad == ["step 1-0 ended on val1", "run ended"]


def test_report_can_be_written_and_read() -> None:
    """report.json is a value like all others."""
    found = report()
    assert decode(canonical(found), Report) == found
