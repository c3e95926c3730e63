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
"""`remediations.cli.exits` reads it from the command line, because it applies to errors as well."""


def _follow(context: click.Context, _parameter: click.Parameter, times: int) -> None:
    """Open the log at the first `-v`, or if a file is named. Flags before and after the command are
    added up."""
    file = os.environ.get(LOG_VARIABLE, "")
    if context.resilient_parsing or not (times or file):
        return
    # Imported here: most commands do not log.
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
    help="Log to stderr: connections, steps, time limits; -vv: also each command and look. "
    f"Also: ${LOG_VARIABLE}=FILE.",
)
"""An option of the group and of every command (`remediations.cli.main`)."""


def with_log_option(command: click.Command) -> click.Command:
    """Add `log_option` to a command and its subcommands."""
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
recorded_signers_option = click.option(
    "--allowed-signers",
    type=click.Path(path_type=Path),
    help="Who may approve, in place of the inventory's list. Recorded in journal and report.",
)
limit_option = click.option(
    "--limit",
    metavar="TARGET[,TARGET]",
    help="Act on these targets only. All hosts are still read: the guards consider the whole.",
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


def not_empty(_context: click.Context, _parameter: click.Parameter, run: str) -> str:
    """Refuse an empty name: an empty variable in a script must not select the only run."""
    if not run:
        raise click.BadParameter("it is empty; `remediate status` lists the runs")
    return run


run_argument = click.argument("run", metavar="RUN", callback=not_empty)


def observation_options(function: F) -> F:
    """Add the options of a command that needs an observation: inventory, from, save, json."""
    for option in (json_option, save_option, from_option, inventory_option):
        function = option(function)
    return function


def parse_limit(limit: str | None) -> frozenset[str]:
    """The names in `--limit a,b`; empty if it was not given.

    Raises:
        UsageError: it has no name. An empty variable in a script must not mean all hosts.
    """
    if limit is None:
        return frozenset()
    names = frozenset(name.strip() for name in limit.split(",") if name.strip())
    if not names:
        raise UsageError(
            "--limit leaves no host",
            guard="--limit",
            got=repr(limit),
            expected="names of hosts in the inventory, separated by commas",
            next_step="omit --limit to act on every host that needs it",
        )
    return names
