"""`remediate plan --all`: what could be done now, without a run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import click

from remediations.cli.inputs import typed_inputs
from remediations.cli.output import CommandResult, terminal_style
from remediations.engine.catalogue import catalogue, require_playbook
from remediations.engine.find.finding import Health
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.overview import PlanOverview, plan_overview
from remediations.engine.plan.overview_text import overview_document
from remediations.errors import ExitCode, UsageError
from remediations.machine.config import load_machine_config
from remediations.render.markdown import markdown
from remediations.render.terminal import document_text


def check_together(every: bool, markdown: bool, playbook: str | None, others: bool) -> None:
    """Check that the options of `plan` are for one plan, or for all branches. `others` says whether
    one was given that only one plan has.

    Raises:
        UsageError: they are for neither, or for both.
    """
    if every and others:
        raise UsageError(
            "--all makes no plan, so it takes no --branch, --rehearse, --out or --verbose",
            guard="--all",
            got="--all with one of them",
            expected="--all alone, or the options of one plan",
            next_step="remediate plan --all",
        )
    if markdown and not every:
        raise UsageError(
            "--markdown is for --all",
            guard="--markdown",
            got="--markdown without --all",
            expected="the Markdown of a plan from `show`, or from --out",
            next_step="remediate plan PLAYBOOK, then `remediate show last --markdown`",
        )
    if not every and playbook is None:
        context = click.get_current_context()
        (argument,) = (one for one in context.command.params if one.name == "playbook")
        raise click.MissingParameter(ctx=context, param=argument)


def show_everything(
    playbook: str | None, observe: Callable[[], Observation], only: frozenset[str], *, paper: bool
) -> CommandResult:
    """Every branch, of `playbook` or of all. Exit 0: nothing is wrong. 3: one can be planned. 4:
    something is wrong, and no branch fits whose guards pass."""
    config = load_machine_config()
    every = catalogue(config).playbooks
    asked = every if playbook is None else (require_playbook(playbook, config),)
    overview = plan_overview(asked, observe(), only, typed_inputs())
    document = overview_document(overview, datetime.now(UTC))
    style = terminal_style()
    text = (
        markdown(document)
        if paper
        else document_text(document, width=style.width, colour=style.colour)
    )
    return CommandResult(exit_code=_code(overview), document=overview, text=text.rstrip("\n"))


def _code(overview: PlanOverview) -> ExitCode:
    if any(one.change is not None and not one.change.refused for one in overview.branches):
        return ExitCode.CHANGES_PENDING
    well = all(one.health == Health.WELL.value for one in overview.domains)
    return ExitCode.OK if well and not overview.fitting else ExitCode.REFUSED
