"""`remediate diff BEFORE AFTER`: what changed between two saved observations. Contacts no host."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.options import json_option
from remediations.cli.output import CommandResult, terminal_style
from remediations.engine.catalogue import catalogue
from remediations.engine.diff.difference import compare_observations
from remediations.engine.diff.render_text import diff_text
from remediations.engine.observe.observation import load_observation
from remediations.errors import ExitCode
from remediations.machine.config import load_machine_config

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(
    "diff", help="Say what changed between two saved observations, deciding things first."
)
@click.argument("before", type=FILE)
@click.argument("after", type=FILE)
@click.option("--verbose", is_flag=True, help="Show every reading that differs, folding nothing.")
@json_option
def command(before: Path, after: Path, verbose: bool) -> CommandResult:
    """Exit 0: nothing that decides has changed. 3: a class, health or condition is a different one,
    or a name leads elsewhere."""
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
