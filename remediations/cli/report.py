"""`remediate report RUN`: the report again, on the terminal as Markdown and as files."""

from __future__ import annotations

import click

from remediations.cli.answer import Answer
from remediations.cli.options import json_option, run_argument
from remediations.cli.reporting import report_of, write_report
from remediations.errors import ExitCode
from remediations.report.markdown import report_markdown
from remediations.run.store import find


@click.command("report", help="Write the report of RUN: Markdown, JSON, and one HTML file.")
@run_argument
@json_option
def command(run: str) -> Answer:
    """Exit 0."""
    directory = find(run)
    path = write_report(directory)
    report = report_of(directory)
    return Answer(
        exit_code=ExitCode.OK,
        document={"report": report, "file": str(path)},
        text=f"{report_markdown(report)}\n\nreport: {path}",
    )
