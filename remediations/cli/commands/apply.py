"""`remediate apply RUN`: carry out an approved plan, verify it, write the report."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.anchors import Anchors
from remediations.cli.approved import approved_run
from remediations.cli.carrying_out import carry_out_and_prove
from remediations.cli.options import (
    inventory_option,
    json_option,
    recorded_signers_option,
    run_argument,
)
from remediations.cli.output import CommandResult
from remediations.cli.signals import stop_on_signals
from remediations.engine.apply.apply import apply_plan
from remediations.engine.runs.store import find_run


@click.command("apply", help="Carry out the approved plan of RUN, then verify and report.")
@run_argument
@inventory_option
@recorded_signers_option
@json_option
def command(run: str, inventory: Path | None, allowed_signers: Path | None) -> CommandResult:
    """Exit 0: verified. 4, 5, 6, 10: nothing was changed. 7: stopped safely. 8: not verified."""
    directory = find_run(run)
    anchors = Anchors(directory.plan, inventory, allowed_signers)
    approved = approved_run(directory, anchors)
    return carry_out_and_prove(
        directory,
        approved,
        anchors,
        lambda display: apply_plan(directory, approved, progress=display, on_stop=stop_on_signals),
    )
