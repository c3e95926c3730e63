"""`remediate verify RUN`: prove, now and as often as one likes, that the recovery holds."""

from __future__ import annotations

import sys

import click

from remediations.cli.answer import Answer
from remediations.cli.options import json_option, run_argument
from remediations.cli.proof import prove
from remediations.errors import UsageError
from remediations.run.store import find


@click.command("verify", help="Run the postflight checks of RUN (read-only), and renew its report.")
@run_argument
@json_option
def command(run: str) -> Answer:
    """Exit 0: every check passes. 8: one does not."""
    directory = find(run)
    directory.plan()  # one that cannot be used is refused before anything is asked or written
    if not directory.journal.exists():
        raise UsageError(
            f"{directory.name} was not applied: there is nothing to verify",
            guard="journal",
            got="none",
            expected="an applied run",
            next_step=f"remediate apply {directory.name}",
        )
    return prove(directory, quiet="--json" in sys.argv)
