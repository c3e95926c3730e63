"""Writes the three forms of a run's report beside its journal."""

from __future__ import annotations

from pathlib import Path

from remediations.cli.standing import standing
from remediations.model.wire import canonical
from remediations.plan.plan import plan_digest
from remediations.report.html import report_html
from remediations.report.markdown import report_markdown
from remediations.report.report import Report, build_report
from remediations.run.journal import read_journal
from remediations.run.store import RunDirectory


def report_of(directory: RunDirectory) -> Report:
    """The report of what the files of a run say."""
    plan = directory.plan()
    return build_report(
        run=directory.name,
        state=standing(directory).state,
        digest=plan_digest(plan),
        plan=plan,
        approvals=directory.approvals(),
        entries=read_journal(directory.journal),
        checks=directory.checks(),
    )


def write_report(directory: RunDirectory) -> Path:
    """Write report.md, report.json and report.html; the last one's path."""
    report = report_of(directory)
    directory.write("report.json", canonical(report))
    directory.write("report.md", report_markdown(report).encode())
    return directory.write("report.html", report_html(report).encode())
