"""The Markdown forms, for tickets and reviews."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from remediations.engine.report.markdown import plan_markdown, report_markdown
from tests.unit.plan.cases import DIGEST, plan_of, quorum_lost
from tests.unit.render.golden import same_as_golden
from tests.unit.report.journal import report

GOLDEN = Path(__file__).parent / "golden"


def test_plan_is_golden() -> None:
    """The plan reads as it did when somebody last looked at it."""
    same_as_golden(GOLDEN / "plan.md", plan_markdown(plan_of(quorum_lost()), DIGEST))


def test_report_is_golden() -> None:
    """The report of a run that ended well, but for one check."""
    same_as_golden(GOLDEN / "report.md", report_markdown(report()))


def test_stopped_report_is_golden() -> None:
    """The report of a run that its first command stopped."""
    same_as_golden(GOLDEN / "stopped.md", report_markdown(report(good=False)))


def test_cells_cannot_break_a_table() -> None:
    """Pipes and line breaks of what was read stay inside their cell."""
    good = report()
    text = report_markdown(replace(good, checks=(replace(good.checks[0], message="a|b\nc"),)))
    row = r"| `P1` five more blocks on every node | all | passed | a\|b\u{a}c |"
    assert row in text.splitlines()


def test_fences_cannot_be_closed_by_what_ran() -> None:
    """A fence is longer than any in the text it holds."""
    plan = plan_of(quorum_lost())
    (stage,) = plan.stages
    command = replace(stage.steps[0], payload="echo '\n````\n# not a title'\n")
    plan = replace(plan, stages=(replace(stage, steps=(command,)),))
    lines = plan_markdown(plan, DIGEST).splitlines()
    assert "`````sh" in lines
    assert lines.count("`````") == 1


def test_the_plan_in_a_report_is_the_plan() -> None:
    """Its titles are one level deeper; its programs, titles in comments included, are the same."""
    good = report()
    (stage,) = good.plan.stages
    command = replace(stage.steps[0], payload="true\n## not a title\n")
    plan = replace(good.plan, stages=(replace(stage, steps=(command,)),))
    lines = report_markdown(replace(good, plan=plan)).splitlines()
    assert "### Finding" in lines
    assert "## not a title" in lines
