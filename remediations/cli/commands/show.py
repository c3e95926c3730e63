"""`remediate show RUN|FILE`: shows a plan as text, Markdown, HTML or JSON."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from remediations.cli.options import json_option
from remediations.cli.output import CommandResult, terminal_style
from remediations.cli.run_status import read_bound_journal
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.engine.plan.plan_file import read_plan
from remediations.engine.plan.render_text import plan_text
from remediations.engine.runs.store import find_run, is_path_name
from remediations.errors import ExitCode

FORMS = ("text", "markdown", "html")


@click.command("show", help="Show the plan of RUN, or a plan FILE.")
@click.argument("run", metavar="RUN|FILE")
@click.option("--as", "form", type=click.Choice(FORMS), default="text", show_default=True)
@click.option("--verbose", is_flag=True, help="Whole commands, and every guard.")
@json_option
def command(run: str, form: str, verbose: bool) -> CommandResult:
    """Exit 0. With --json: the plan in canonical form. 2: another plan was applied in that run."""
    plan = _named(run)
    digest = plan_digest(plan)
    return CommandResult(
        exit_code=ExitCode.OK,
        document={"plan": plan, "digest": digest},
        text=_rendered(plan, digest, form, verbose=verbose),
    )


def _named(name: str) -> Plan:
    """The plan in the file `name`, which ends in .json or has a `/` in it, or of the run."""
    if name.endswith(".json") or (is_path_name(name) and os.path.isfile(name)):  # noqa: PTH113 - any name
        return read_plan(Path(name))
    run = find_run(name)
    read_bound_journal(run)
    return run.plan


def _rendered(plan: Plan, digest: str, form: str, *, verbose: bool) -> str:
    if form == "text":
        style = terminal_style()
        return plan_text(
            plan,
            digest,
            width=style.width,
            colour=style.colour,
            verbose=verbose,
            now=datetime.now(UTC),
        )
    if form == "markdown":
        from remediations.engine.report.markdown import plan_markdown

        return plan_markdown(plan, digest)
    from remediations.engine.report.html import plan_html

    return plan_html(plan, digest)
