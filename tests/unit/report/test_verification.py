"""Which verification belongs to a run, and what the report says of all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from remediations.engine.plan.plan import Plan
from remediations.engine.report.markdown import report_markdown
from remediations.engine.report.report import Report, build_report
from remediations.engine.runs.records import Checked, JournalEntry, RunEnded, RunState
from tests.unit.plan.cases import DIGEST, plan_of, quorum_lost
from tests.unit.report.journal import (
    CHECKS_FROM_S,
    RUN,
    checks,
    entries,
    entry,
    report,
    verification,
)

DAYS = 3 * 86_400


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of(quorum_lost())


def of(plan: Plan, *lines: JournalEntry) -> Report:
    return build_report(
        run=RUN,
        state=RunState.UNVERIFIED,
        digest=DIGEST,
        plan=plan,
        approvals=[],
        doubts=[],
        entries=lines,
        checks=checks(),
    )


def applied(plan: Plan) -> list[JournalEntry]:
    """A journal up to the end of the run."""
    return [line for line in entries(plan) if not isinstance(line.event, Checked)]


def checked(plan: Plan, second: float) -> JournalEntry:
    """A verification that begins so many seconds after the run did."""
    return entry(plan, second + 36, verification(plan, second))


def test_the_duration_covers_the_checks() -> None:
    """Until the last of them, not until the record was written."""
    assert report().apply_to_checked_ms == round((CHECKS_FROM_S + 35.4) * 1000)
    assert report(good=False).apply_to_checked_ms is None


def test_a_verification_days_later_does_not_stretch_the_plot(plan: Plan) -> None:
    """Nor the duration: it has a row in the timeline and one in a table."""
    first = of(plan, *applied(plan), checked(plan, CHECKS_FROM_S))
    again = of(plan, *applied(plan), checked(plan, CHECKS_FROM_S), checked(plan, DAYS))
    assert again.proof == first.proof is not None
    assert again.apply_to_checked_ms == first.apply_to_checked_ms
    assert len(again.timeline) == len(first.timeline) + 1
    assert "Verifications" not in report_markdown(first)
    assert "Of the verification" not in report_markdown(first)
    told = "Of the verification of 2026-11-28 12:01:00 UTC, the last one."
    assert told in report_markdown(again)
    _, _, table = report_markdown(again).partition("## Verifications")
    rows = table.splitlines()[4:6]
    assert rows == [
        "| 2026-11-25 12:01:41 UTC | 35 s | **unverified** | 2 of 3 checks pass |",
        "| 2026-11-28 12:01:00 UTC | 35 s | **unverified** | 2 of 3 checks pass |",
    ]


@pytest.mark.parametrize(("after_s", "belongs"), [(0, True), (70, True), (90, False), (-5, False)])
def test_the_first_verification_belongs_to_a_run_that_it_follows(
    plan: Plan, after_s: float, belongs: bool
) -> None:
    """With no longer pause than run and checks took, 41 s and 35 s; and not where the clock was set
    back in between."""
    lines = applied(plan)
    end = next(n for n, line in enumerate(lines) if isinstance(line.event, RunEnded))
    since = (lines[end].at - lines[0].at).total_seconds()
    found = of(plan, *lines, checked(plan, since + after_s))
    assert (found.proof is not None) is belongs
    assert len(found.verifications) == 1
    assert ("## Verifications" in report_markdown(found)) is not belongs


def test_only_the_first_one_may_belong_to_it(plan: Plan) -> None:
    """A second that happens to come soon is a repetition."""
    found = of(plan, *applied(plan), checked(plan, DAYS), checked(plan, CHECKS_FROM_S))
    assert found.proof is None
    assert len(found.verifications) == 2


def test_without_an_end_of_the_run_nothing_belongs_to_it(plan: Plan) -> None:
    """Its process died: the checks say how things stand, not that the run led there."""
    lines = [line for line in applied(plan) if not isinstance(line.event, RunEnded)]
    assert of(plan, *lines, checked(plan, CHECKS_FROM_S)).proof is None
    assert of(plan).proof is None


def test_the_timeline_has_each_check_with_what_it_came_to() -> None:
    """And what the first and the last look of the checks showed."""
    rows = {row.what: row for row in report().timeline}
    assert rows["check P1"].detail == "five more blocks on every node: passed"
    assert rows["check P13"].detail == "peers are back: failed on val1"
    assert not rows["check P13"].good
    assert rows["first look of the checks"].detail.startswith("height 143, round ?, 100 of 100")
    assert rows["last look of the checks"].detail.startswith("height 178, ")
    began = rows["checks began"].at
    assert rows["check P1"].at - began == timedelta(seconds=5)
