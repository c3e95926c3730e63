"""`remediate import FILE`: take a run that was exported elsewhere. Contacts no host."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.options import json_option
from remediations.cli.output import CommandResult, next_command
from remediations.engine.runs.importing import import_run
from remediations.errors import ExitCode


@click.command("import", help="Take the run in FILE, which `export` wrote, into this machine.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--sha256",
    metavar="DIGEST",
    help="Take only the very file of which `export` printed this digest.",
)
@json_option
def command(file: Path, sha256: str | None) -> CommandResult:
    """Exit 0, also where it is here already. 2: something was added, removed or edited."""
    run, new = import_run(file, sha256)
    said = f"imported as run {run.name}" if new else f"run {run.name} is here already, as it is"
    return CommandResult(
        exit_code=ExitCode.OK,
        document={"run": run.name, "plan": run.digest, "new": new},
        text=f"{said}\nnext: {next_command('status', run.name)}",
    )
