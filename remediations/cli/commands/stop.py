"""`remediate stop RUN`: let nothing more of a run start, whoever applies it."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.anchors import Anchors
from remediations.cli.options import inventory_option, json_option, run_argument
from remediations.cli.output import CommandResult
from remediations.cli.stopping import checked_reason, stop_and_tell
from remediations.engine.runs.store import find_run


@click.command("stop", help="Let nothing more of RUN start, whoever applies it, from anywhere.")
@run_argument
@click.option("--reason", default="no reason was given", help="Why. Recorded in the journal.")
@inventory_option
@json_option
def command(run: str, reason: str, inventory: Path | None) -> CommandResult:
    """Exit 0: no step runs or can start. 7: a step still runs. 11: a target could not be asked."""
    directory = find_run(run)
    why = checked_reason(reason)
    return stop_and_tell(directory, Anchors(directory.plan, inventory), why, abandon=False)
