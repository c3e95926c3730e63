"""A plan and a report as Markdown, for tickets and reviews."""

from __future__ import annotations

from remediations.engine.plan.document import plan_document
from remediations.engine.plan.plan import Plan
from remediations.engine.report.document import report_document
from remediations.engine.report.report import Report
from remediations.render.markdown import markdown


def plan_markdown(plan: Plan, digest: str, change: str = "", cannot: str = "") -> str:
    """The plan: facts, guards, stages with their exact commands, checks. `change` is its change
    digest, `cannot` why it cannot be applied."""
    return markdown(plan_document(plan, digest, change=change, cannot=cannot))


def report_markdown(report: Report) -> str:
    """The report: what happened, what ran, what was checked, and the plan."""
    return markdown(report_document(report))
