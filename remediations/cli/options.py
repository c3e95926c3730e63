"""Options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from remediations.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

INVENTORY_VARIABLE = "REMEDIATE_INVENTORY"

json_option = click.option(
    "--json",
    is_flag=True,
    expose_value=False,
    help="Print one JSON document on stdout, also on failure.",
)
"""Read from the command line by `remediations.cli.exits`, because it holds for errors too."""

inventory_option = click.option(
    "-i",
    "--inventory",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar=INVENTORY_VARIABLE,
    help=f"The inventory file (YAML). Also: ${INVENTORY_VARIABLE}.",
)
limit_option = click.option(
    "--limit",
    metavar="HOST[,HOST]",
    help="Act on these hosts only. Everything is still read: quorum counts the whole set.",
)
from_option = click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Use an observation saved earlier instead of reading the hosts.",
)
save_option = click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the observation to this file.",
)


def _not_empty(_context: click.Context, _parameter: click.Parameter, run: str) -> str:
    """An empty variable in a script must not pick the one run that there is."""
    if not run:
        raise click.BadParameter("it is empty; `remediate status` lists the runs")
    return run


run_argument = click.argument("run", metavar="RUN", callback=_not_empty)


def reads_the_world(function: F) -> F:
    """The options of a command that reads the world: inventory, from, save, json."""
    for option in (json_option, save_option, from_option, inventory_option):
        function = option(function)
    return function


def split_hosts(limit: str | None) -> frozenset[str]:
    """`--limit a,b` as names; empty when not given.

    Raises:
        UsageError: it was given without a name: an empty variable in a script must not mean all.
    """
    if limit is None:
        return frozenset()
    names = frozenset(name.strip() for name in limit.split(",") if name.strip())
    if not names:
        raise UsageError(
            "--limit leaves no host",
            guard="--limit",
            got=repr(limit),
            expected="names of hosts in the inventory, with commas between them",
            next_step="leave --limit out to act on every host that needs it",
        )
    return names
