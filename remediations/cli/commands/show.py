"""`remediate show RUN|FILE`: shows a plan as text, Markdown, HTML or JSON."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from remediations.cli.opened import OpenedPlan, open_plan
from remediations.cli.options import json_option
from remediations.cli.output import CommandResult, terminal_style
from remediations.cli.run_status import read_bound_journal
from remediations.engine.plan.applicable import why_not
from remediations.engine.plan.change import change_digest
from remediations.engine.plan.render_text import plan_text
from remediations.errors import ExitCode

FORMS = ("text", "markdown", "html")


@click.command("show", help="Show the plan of RUN, of an exported run, or of a plan FILE.")
@click.argument("run", metavar="RUN|FILE")
@click.option("--as", "form", type=click.Choice(FORMS), default="text", show_default=True)
@click.option(
    "--markdown",
    "review",
    is_flag=True,
    help="For a pull request: what does not pass first, commands folded, within GitHub's limit.",
)
@click.option("--verbose", is_flag=True, help="Whole commands, and every guard.")
@json_option
def command(run: str, form: str, review: bool, verbose: bool) -> CommandResult:
    """Exit 0. With --json: the plan in canonical form. 2: another plan was applied in that run."""
    opened = open_plan(run)
    entries = () if opened.run is None else read_bound_journal(opened.run)
    change, applied = change_digest(opened.plan), entries[0].at if entries else None
    return CommandResult(
        exit_code=ExitCode.OK,
        document={"plan": opened.plan, "digest": opened.digest, "change": change},
        text=_rendered(opened, change, applied, "review" if review else form, verbose=verbose),
    )


def _rendered(
    opened: OpenedPlan, change: str, applied: datetime | None, form: str, *, verbose: bool
) -> str:
    plan, digest, now = opened.plan, opened.digest, datetime.now(UTC)
    if form == "text":
        style = terminal_style()
        return plan_text(
            plan,
            digest,
            width=style.width,
            colour=style.colour,
            verbose=verbose,
            now=now,
            change=change,
            applied=applied,
        )
    cannot = why_not(plan, now, applied)
    if form == "review":
        from remediations.engine.plan.review import review_markdown

        return review_markdown(plan, digest, change, cannot)
    if form == "markdown":
        from remediations.engine.report.markdown import plan_markdown

        return plan_markdown(plan, digest, change, cannot)
    from remediations.engine.report.html import plan_html

    return plan_html(plan, digest, change, cannot)
