"""`remediate report RUN`: the report of a run, on the terminal as Markdown, and as files."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.anchors import Anchors
from remediations.cli.opened import open_run
from remediations.cli.options import inventory_option, json_option, run_argument
from remediations.cli.output import CommandResult
from remediations.cli.reporting import make_report, write_report_files
from remediations.engine.report.markdown import report_markdown
from remediations.errors import ExitCode


@click.command(
    "report",
    help="Write the report of RUN: Markdown, JSON, and one HTML file. Of a FILE: print it.",
)
@run_argument
@inventory_option
@json_option
def command(run: str, inventory: Path | None) -> CommandResult:
    """Exit 0."""
    directory = open_run(run)
    report = make_report(directory, Anchors(directory.plan, inventory))
    path = None if directory.travels else write_report_files(directory, report)
    where = f"import the run for its page: remediate import {directory.reference}"
    return CommandResult(
        exit_code=ExitCode.OK,
        document={"report": report, "file": None if path is None else str(path)},
        text=f"{report_markdown(report)}\n\nreport: {path or where}",
    )
