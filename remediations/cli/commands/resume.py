"""`remediate resume RUN`: go on with a run that stopped, or whose process died."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.anchors import Anchors
from remediations.cli.approved import begun_run
from remediations.cli.carrying_out import carry_out_and_prove
from remediations.cli.options import (
    inventory_option,
    json_option,
    recorded_signers_option,
    run_argument,
)
from remediations.cli.output import CommandResult
from remediations.cli.run_status import read_bound_journal
from remediations.cli.signals import stop_on_signals
from remediations.engine.apply.resume import resume_run
from remediations.engine.runs.resumption import check_begun
from remediations.engine.runs.store import find_run


@click.command("resume", help="Go on with RUN, which stopped or whose process died.")
@run_argument
@inventory_option
@recorded_signers_option
@json_option
def command(run: str, inventory: Path | None, allowed_signers: Path | None) -> CommandResult:
    """Exit 0: verified. 2, 4, 5, 10: nothing more was changed. 6, 7: stopped. 8: not verified."""
    directory = find_run(run)
    entries = read_bound_journal(directory)
    check_begun(directory.reference, entries, "resume")
    anchors = Anchors(directory.plan, inventory, allowed_signers)
    approved = begun_run(directory, anchors, entries)
    return carry_out_and_prove(
        directory,
        approved,
        anchors,
        lambda display: resume_run(directory, approved, progress=display, on_stop=stop_on_signals),
    )
