"""Writes the three forms of a run's report beside its journal."""

from __future__ import annotations

from pathlib import Path

from remediations.model.wire import canonical
from remediations.plan.plan import plan_digest
from remediations.report.html import report_html
from remediations.report.markdown import report_markdown
from remediations.report.report import Report, build_report
from remediations.run.journal import read_journal
from remediations.run.lock import holder
from remediations.run.status import Status, status_of
from remediations.run.store import RunDirectory, state_directory
from remediations.verify.result import CheckOutcome


def status(directory: RunDirectory) -> Status:
    """Where a run stands, from its files."""
    plan = directory.plan()
    checks = directory.checks()
    return status_of(
        plan,
        read_journal(directory.journal),
        approved=bool(directory.approvals()),
        verified=all(c.outcome is CheckOutcome.PASSED for c in checks) if checks else None,
        alive=holder(state_directory(), plan.chain_id) == directory.name,
    )


def report_of(directory: RunDirectory) -> Report:
    """The report of what the files of a run say."""
    plan = directory.plan()
    return build_report(
        run=directory.name,
        state=status(directory).state,
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
