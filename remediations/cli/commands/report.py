"""`remediate report RUN`: the report of a run, on the terminal as Markdown, and as files."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.anchors import Anchors
from remediations.cli.options import inventory_option, json_option, run_argument
from remediations.cli.output import CommandResult
from remediations.cli.reporting import make_report, write_report_files
from remediations.engine.report.markdown import report_markdown
from remediations.engine.runs.store import find_run
from remediations.errors import ExitCode


@click.command("report", help="Write the report of RUN: Markdown, JSON, and one HTML file.")
@run_argument
@inventory_option
@json_option
def command(run: str, inventory: Path | None) -> CommandResult:
    """Exit 0."""
    directory = find_run(run)
    report = make_report(directory, Anchors(directory.plan, inventory))
    path = write_report_files(directory, report)
    return CommandResult(
        exit_code=ExitCode.OK,
        document={"report": report, "file": str(path)},
        text=f"{report_markdown(report)}\n\nreport: {path}",
    )
