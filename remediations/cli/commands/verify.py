"""`remediate verify RUN`: proves, as often as needed, that the recovery holds."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from remediations.cli.anchors import Anchors
from remediations.cli.options import inventory_option, json_option, run_argument
from remediations.cli.output import CommandResult
from remediations.cli.proof import prove
from remediations.cli.run_status import read_bound_journal
from remediations.engine.catalogue import domain_for
from remediations.engine.runs.lock import is_being_applied
from remediations.engine.runs.store import find_run, state_directory
from remediations.engine.verify.given import Given
from remediations.engine.verify.suite import suite_of
from remediations.errors import Locked, UsageError


@click.command("verify", help="Run the postflight checks of RUN (read-only), and renew its report.")
@run_argument
@inventory_option
@json_option
def command(run: str, inventory: Path | None) -> CommandResult:
    """Exit 0: every check passes. 8: one does not."""
    directory = find_run(run)
    # Files that cannot be used, or do not belong together, are refused before a host is contacted.
    if is_being_applied(state_directory(), directory.plan.resources, directory.name):
        raise Locked(
            f"{directory.reference} is being applied right now",
            guard="one writer of a journal",
            got="a running process that applies it, and verifies it itself",
            expected="a run that has ended",
            next_step=f"`remediate status {directory.reference}` shows when it has ended",
        )
    if not read_bound_journal(directory):
        raise UsageError(
            f"{directory.reference} was not applied: there is nothing to verify",
            guard="journal",
            got="none",
            expected="an applied run",
            next_step=f"remediate apply {directory.reference}",
        )
    anchors = Anchors(directory.plan, inventory)
    given = Given(directory.plan, anchors.inventory, anchors.resolver)
    suite = suite_of(domain_for(directory.plan, anchors.config))
    return prove(directory, given, suite, anchors, quiet="--json" in sys.argv)
