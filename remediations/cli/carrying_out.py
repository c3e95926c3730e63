"""Carries a plan out, or a run back, with a live display: for `apply`, `resume` and `undo`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager

from remediations.cli.anchors import ON_COMMAND_LINE, Anchors
from remediations.cli.live import LiveDisplay, to_stderr
from remediations.cli.observing import import_quietly
from remediations.cli.output import CommandResult
from remediations.cli.run_status import current_status, read_bound_journal, way_on
from remediations.engine.apply.apply import Approved
from remediations.engine.apply.receipt import Receipt
from remediations.engine.runs.lock import resource_locks
from remediations.engine.runs.records import RunState
from remediations.engine.runs.store import RunDirectory, state_directory
from remediations.engine.verify.given import Given
from remediations.engine.verify.suite import suite_of
from remediations.errors import Aborted, PartlyApplied
from remediations.reach.background import run_in_thread
from remediations.render.printable import one_line

Work = Callable[[LiveDisplay], Coroutine[None, None, Receipt]]
"""Carries the plan out, and shows on the display what happens."""
NEEDED_THEN = ("remediations.cli.proof",)
"""What runs checks and writes the report takes as long to import as all that is needed before: it
is imported while hosts are read."""


def carry_out_and_prove(
    directory: RunDirectory, approved: Approved, anchors: Anchors, work: Work
) -> CommandResult:
    """Do the work under the locks of the plan's resources; where all was done, run the checks.

    Raises:
        Aborted, PartlyApplied: not all was done. The report says what was.
        Locked: another run is being applied to one of the resources.
    """
    with _no_second_interrupt(directory):
        receipt = _carried_out(directory, approved, anchors, work)
        if receipt.state is not RunState.RUNNING:
            _not_finished(directory, receipt, anchors)
        from remediations.cli.proof import prove

        given = Given(approved.plan, approved.inventory, approved.resolver)
        suite = suite_of(approved.installed.domain)
        return prove(directory, given, suite, anchors, quiet=_quiet())


def carry_out_back(
    directory: RunDirectory, approved: Approved, anchors: Anchors, work: Work
) -> Receipt:
    """Do the work that takes a run back, under the locks of the plan's resources, and write the
    report. Nothing is verified: what is true then, `diagnose` says.

    Raises:
        Aborted, PartlyApplied: not all was taken back. The report says what was.
        Locked: another run is being applied to one of the resources.
    """
    with _no_second_interrupt(directory):
        receipt = _carried_out(directory, approved, anchors, work)
        if receipt.state is not RunState.UNDONE:
            _not_finished(directory, receipt, anchors)
        _report(directory, anchors)
        return receipt


def _quiet() -> bool:
    return "--json" in sys.argv


def _carried_out(
    directory: RunDirectory, approved: Approved, anchors: Anchors, work: Work
) -> Receipt:
    if anchors.named_on_command_line and not _quiet():
        to_stderr(
            f"WARNING: {ON_COMMAND_LINE} {anchors.signers_used.path} decides who may approve, not "
            "the inventory or the machine configuration; journal and report say so"
        )
    display = LiveDisplay(approved.plan, quiet=_quiet())
    with ExitStack() as held:
        held.enter_context(
            resource_locks(state_directory(), approved.plan.resources, directory.name)
        )
        held.enter_context(display.shown())
        return asyncio.run(_importing(work(display)))


async def _importing(work: Coroutine[None, None, Receipt]) -> Receipt:
    """Do the work, and import meanwhile what is needed then."""
    importing = asyncio.create_task(run_in_thread(import_quietly, NEEDED_THEN))
    receipt = await work
    await importing
    return receipt


@contextmanager
def _no_second_interrupt(directory: RunDirectory) -> Iterator[None]:
    """Ctrl-C that ends the block becomes an error that says what was done.

    Raises:
        Aborted: it came after the run had begun.
    """
    try:
        yield
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


def _report(run: RunDirectory, anchors: Anchors) -> None:
    """Write the report of what was done, and say what is not proven."""
    from remediations.cli.reporting import write_report

    _page, doubts = write_report(run, anchors)
    for doubt in doubts:
        to_stderr(f"NOT PROVEN: {one_line(doubt)}")


def _not_finished(run: RunDirectory, receipt: Receipt, anchors: Anchors) -> None:
    """Write the report of what was done, and raise the receipt as an error.

    Raises:
        Aborted, PartlyApplied: always one of them.
    """
    _report(run, anchors)
    kind = Aborted if receipt.state is RunState.ABORTED else PartlyApplied
    raise kind(
        f"stopped: {receipt.message}",
        guard="stop on the first failure" if kind is PartlyApplied else "a person",
        got=receipt.summary(),
        expected="every step done and every gate open",
        next_step=f"`remediate report {run.reference}` shows the output; then "
        f"{way_on(run, *(step.state for step in receipt.steps))}",
    )
