"""`remediate diff BEFORE AFTER`: what changed between two saved observations, or in two plans.
Contacts no host."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.opened import PLAN_SUFFIX, open_plan
from remediations.cli.options import json_option
from remediations.cli.output import CommandResult, terminal_style
from remediations.engine.catalogue import catalogue
from remediations.engine.observe.observation import load_observation
from remediations.engine.plan.plan import Plan
from remediations.engine.runs.store import ARCHIVE_SUFFIX, is_path_name
from remediations.errors import ExitCode, UsageError
from remediations.machine.config import load_machine_config

_PLAN = b'{"approvals_needed":'
"""How a plan begins; only what is in its canonical form can be used as one."""


@click.command(
    "diff",
    help="Say what changed between two saved observations (deciding things first), or in what two "
    "plans differ: each a RUN, an exported run, or a plan's file.",
)
@click.argument("before")
@click.argument("after")
@click.option("--verbose", is_flag=True, help="Show everything that differs, folding nothing.")
@json_option
def command(before: str, after: str, verbose: bool) -> CommandResult:
    """Exit 0: nothing that decides has changed; of plans, nothing but times and words. 3: a class,
    health or condition is a different one, or a name leads elsewhere; of plans, anything else."""
    are_plans = [_is_plan(name) for name in (before, after)]
    if all(are_plans):
        return _plans(open_plan(before).plan, open_plan(after).plan, verbose=verbose)
    if any(are_plans):
        raise UsageError(
            "a plan cannot be compared with an observation",
            guard="two of a kind",
            got=f"{before} and {after}",
            expected="two plans, or two observations",
            next_step="remediate diff --help",
        )
    return _observations(Path(before), Path(after), verbose=verbose)


def _is_plan(name: str) -> bool:
    """Whether it names a plan: a run, or a file that has one. What cannot be read is taken for an
    observation, which says so."""
    path = Path(name)
    try:
        if not path.is_file():
            return not (is_path_name(name) or name.endswith(PLAN_SUFFIX))
        with path.open("rb") as file:
            return name.endswith(ARCHIVE_SUFFIX) or file.read(len(_PLAN)) == _PLAN
    except (OSError, ValueError):
        return False


def _plans(before: Plan, after: Plan, *, verbose: bool) -> CommandResult:
    # Imported here, as below: one of the two is needed.
    from remediations.engine.diff.plan_text import plan_diff_text
    from remediations.engine.plan.change import compare_plans

    diff = compare_plans(before, after)
    return CommandResult(
        exit_code=ExitCode.OK if diff.same_change else ExitCode.CHANGES_PENDING,
        document=diff,
        text=plan_diff_text(diff, verbose=verbose),
    )


def _observations(before: Path, after: Path, *, verbose: bool) -> CommandResult:
    from remediations.engine.diff.difference import compare_observations
    from remediations.engine.diff.render_text import diff_text

    diff = compare_observations(
        catalogue(load_machine_config()).domains, load_observation(before), load_observation(after)
    )
    style = terminal_style()
    return CommandResult(
        exit_code=ExitCode.CHANGES_PENDING if diff.decides else ExitCode.OK,
        document=diff,
        text=diff_text(
            diff,
            (before.name, after.name),
            width=style.width,
            colour=style.colour,
            verbose=verbose,
        ),
    )
