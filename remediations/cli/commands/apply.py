"""`remediate apply RUN`: carry out an approved plan, verify it, write the report."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from remediations.cli.anchors import ON_COMMAND_LINE, Anchors
from remediations.cli.approved import approved_run
from remediations.cli.live import LiveDisplay, to_stderr
from remediations.cli.options import inventory_option, json_option, run_argument
from remediations.cli.output import CommandResult
from remediations.cli.proof import prove
from remediations.cli.run_status import current_status, read_bound_journal
from remediations.cli.signals import stop_on_signals
from remediations.engine.apply.application import Receipt
from remediations.engine.apply.apply import apply_plan
from remediations.engine.runs.lock import resource_locks
from remediations.engine.runs.records import RunState
from remediations.engine.runs.store import RunDirectory, find_run, state_directory
from remediations.engine.verify.given import Given
from remediations.engine.verify.suite import suite_of
from remediations.errors import Aborted, PartlyApplied
from remediations.render.printable import one_line


@click.command("apply", help="Carry out the approved plan of RUN, then verify and report.")
@run_argument
@inventory_option
@click.option(
    ON_COMMAND_LINE,
    type=click.Path(path_type=Path),
    help="Who may approve, in place of the inventory's list. Recorded in journal and report.",
)
@json_option
def command(run: str, inventory: Path | None, allowed_signers: Path | None) -> CommandResult:
    """Exit 0: verified. 4, 5, 6, 10: nothing was changed. 7: stopped safely. 8: not verified."""
    directory = find_run(run)
    quiet = "--json" in sys.argv
    anchors = Anchors(directory.plan, inventory, allowed_signers)
    approved = approved_run(directory, anchors)
    if allowed_signers is not None and not quiet:
        to_stderr(
            f"WARNING: {ON_COMMAND_LINE} {allowed_signers} decides who may approve, not the "
            "inventory or the machine configuration; journal and report say so"
        )
    display = LiveDisplay(approved.plan, quiet=quiet)
    try:
        with ExitStack() as held:
            held.enter_context(
                resource_locks(state_directory(), approved.plan.resources, directory.name)
            )
            held.enter_context(display.shown())
            receipt = asyncio.run(
                apply_plan(
                    directory,
                    approved,
                    progress=display,
                    on_stop=stop_on_signals,
                )
            )
        if receipt.state is not RunState.RUNNING:
            _not_finished(directory, receipt, anchors)
        given = Given(approved.plan, approved.inventory, approved.resolver)
        suite = suite_of(approved.installed.domain)
        return prove(directory, given, suite, anchors, quiet=quiet)
    except KeyboardInterrupt as error:
        if not directory.journal.exists():
            raise  # nothing had begun, and nothing was changed
        raise _cut_short(directory) from error


def _cut_short(run: RunDirectory) -> Aborted:
    """The error for a second Ctrl-C, or one during the checks. The journal has what was done."""
    status = current_status(run, read_bound_journal(run), "")
    steps = (f"{step}: {step.state}" for step in status.steps)
    return Aborted(
        "interrupted while the run was applied or checked",
        guard="a person",
        got=f"the run is {status.state}; {'; '.join(steps)}",
        expected="every stage done, every gate open, every check passed",
        next_step=f"remediate status {run.reference}",
    )


def _not_finished(run: RunDirectory, receipt: Receipt, anchors: Anchors) -> None:
    """Write the report of what was done, and raise the receipt as an error.

    Raises:
        Aborted, PartlyApplied: always one of them.
    """
    from remediations.cli.reporting import write_report

    _page, doubts = write_report(run, anchors)
    for doubt in doubts:
        to_stderr(f"NOT PROVEN: {one_line(doubt)}")
    kind = Aborted if receipt.state is RunState.ABORTED else PartlyApplied
    raise kind(
        f"stopped: {receipt.message}",
        guard="stop on the first failure" if kind is PartlyApplied else "a person",
        got=receipt.summary(),
        expected="every stage done and every gate open",
        next_step=f"`remediate report {run.reference}` shows the output; then `remediate "
        "diagnose` and a new plan",
    )
