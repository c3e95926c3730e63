"""`remediate abandon RUN --reason TEXT`: give a run up, and say how each target is left."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.anchors import Anchors
from remediations.cli.options import inventory_option, json_option, run_argument
from remediations.cli.output import CommandResult, next_command
from remediations.cli.run_status import read_bound_journal
from remediations.cli.stopping import checked_reason, stop_and_tell
from remediations.engine.runs.lock import is_being_applied
from remediations.engine.runs.resumption import check_begun
from remediations.engine.runs.store import find_run, state_directory
from remediations.errors import Locked


@click.command("abandon", help="Give RUN up: nobody goes on with it. Says how each target is left.")
@run_argument
@click.option("--reason", required=True, help="Why. Recorded in the journal.")
@inventory_option
@json_option
def command(run: str, reason: str, inventory: Path | None) -> CommandResult:
    """Exit 0: abandoned. 7: a step still runs. 10: it is being applied. 11: a target is silent."""
    directory = find_run(run)
    why = checked_reason(reason)
    check_begun(directory.reference, read_bound_journal(directory), "abandon")
    if is_being_applied(state_directory(), directory.plan.resources, directory.name):
        raise Locked(
            f"{directory.reference} is being applied right now",
            guard="one writer of a journal",
            got="a running process that applies it",
            expected="a run that nobody applies",
            next_step=next_command("stop", directory.reference, "--reason", "WHY"),
        )
    return stop_and_tell(directory, Anchors(directory.plan, inventory), why, abandon=True)
