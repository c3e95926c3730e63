"""Options that several commands share, declared once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from remediations.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

LOG_VARIABLE = "REMEDIATE_LOG"
INVENTORY_VARIABLE = "REMEDIATE_INVENTORY"

json_option = click.option(
    "--json",
    is_flag=True,
    expose_value=False,
    help="Print one JSON document on stdout, also on failure.",
)
"""Read from the command line by `remediations.cli.exits`, because it holds for errors too."""


def _follow(context: click.Context, _parameter: click.Parameter, times: int) -> None:
    """Open the log at the first `-v`, or where a file is named; before the command and after it
    count together."""
    file = os.environ.get(LOG_VARIABLE, "")
    if context.resilient_parsing or not (times or file):
        return
    # Not at the top: `logging` is for those who ask for it.
    from remediations.cli.log import Log

    log = context.meta.get(LOG_VARIABLE)
    if log is None:
        log = context.meta[LOG_VARIABLE] = context.find_root().with_resource(Log(file))
    log.increase_verbosity(times)


log_option = click.Option(
    ["-v", "times"],
    count=True,
    expose_value=False,
    callback=_follow,
    help="Log to stderr: connections, steps, time limits; -vv: each command and look, too. "
    f"Also: ${LOG_VARIABLE}=FILE.",
)
"""The group and every command have it (`remediations.cli.main`)."""


def with_log_option(command: click.Command) -> click.Command:
    """The command with `log_option`, and so its subcommands."""
    if log_option not in command.params:
        command.params.append(log_option)
        for each in getattr(command, "commands", {}).values():
            with_log_option(each)
    return command


inventory_option = click.option(
    "-i",
    "--inventory",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar=INVENTORY_VARIABLE,
    help=f"The inventory file (YAML). Also: ${INVENTORY_VARIABLE}.",
)
limit_option = click.option(
    "--limit",
    metavar="TARGET[,TARGET]",
    help="Act on these targets only. Everything is still read: what must remain counts the whole.",
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


def observation_options(function: F) -> F:
    """The options of a command that reads the world: inventory, from, save, json."""
    for option in (json_option, save_option, from_option, inventory_option):
        function = option(function)
    return function


def parse_limit(limit: str | None) -> frozenset[str]:
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
