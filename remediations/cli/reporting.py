"""Writes the report of a run in its three forms."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from remediations.cli.anchors import Anchors
from remediations.cli.evidence import gather_evidence
from remediations.cli.run_status import current_status
from remediations.engine.report.html import report_html
from remediations.engine.report.markdown import report_markdown
from remediations.engine.report.report import Report, build_report
from remediations.engine.runs.store import RunDirectory
from remediations.errors import MachineError, UsageError
from remediations.values.wire import canonical


def make_report(run: RunDirectory, anchors: Anchors) -> Report:
    """The report of what the files of a run prove.

    Raises:
        UsageError: the files are not what was written, or do not belong together.
    """
    found = gather_evidence(run, anchors)
    return build_report(
        run=run.name,
        state=current_status(run, found.entries, found.hindrance).state,
        digest=run.digest,
        plan=run.plan,
        approvals=found.approvals,
        doubts=found.doubts,
        entries=found.entries,
        checks=found.checks.decided,
        latest=found.checks.latest,
    )


class WrittenReport(NamedTuple):
    """The HTML page of a report (None if it could not be written), and the doubts to show first."""

    page: Path | None
    doubts: tuple[str, ...]


def write_report(run: RunDirectory, anchors: Anchors) -> WrittenReport:
    """Make and write the report of a run that has just ended.

    An error, such as a full disk, is one more doubt: it does not replace the result of the run.
    """
    doubts: tuple[str, ...] = ()
    try:
        report = make_report(run, anchors)
        doubts = report.doubts
        return WrittenReport(write_report_files(run, report), doubts)
    except (MachineError, UsageError) as error:
        trouble = f"the report could not be written: {error.what} ({error.got})"
        return WrittenReport(None, (*doubts, trouble))


def write_report_files(run: RunDirectory, report: Report) -> Path:
    """Write report.md, report.json and report.html. Returns the path of the last one."""
    run.write("report.json", canonical(report))
    run.write("report.md", report_markdown(report).encode())
    return run.write("report.html", report_html(report).encode())
