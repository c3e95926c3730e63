"""`remediate undo RUN --reason TEXT`: take back what a run did, by the steps approved for it."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.anchors import Anchors
from remediations.cli.approved import begun_run
from remediations.cli.carrying_out import carry_out_back
from remediations.cli.options import (
    inventory_option,
    json_option,
    recorded_signers_option,
    run_argument,
)
from remediations.cli.output import CommandResult, terminal_style
from remediations.cli.run_status import read_bound_journal
from remediations.cli.signals import stop_on_signals
from remediations.cli.stopping import checked_reason
from remediations.engine.apply.receipt import Receipt
from remediations.engine.apply.undo import undo_run
from remediations.engine.plan.plan import Plan
from remediations.engine.runs.records import StepState
from remediations.engine.runs.resumption import check_begun
from remediations.engine.runs.store import RunDirectory, find_run
from remediations.errors import ExitCode
from remediations.render.console import columns, draw


@click.command("undo", help="Take back what RUN did, newest first, by the steps approved for it.")
@run_argument
@click.option("--reason", required=True, help="Why. Recorded in the journal.")
@inventory_option
@recorded_signers_option
@json_option
def command(
    run: str, reason: str, inventory: Path | None, allowed_signers: Path | None
) -> CommandResult:
    """Exit 0: undone. 2, 4, 5, 6, 10: nothing more was changed. 7, 9: stopped in its middle."""
    directory = find_run(run)
    why = checked_reason(reason)
    entries = read_bound_journal(directory)
    check_begun(directory.reference, entries, "undo")
    anchors = Anchors(directory.plan, inventory, allowed_signers)
    approved = begun_run(directory, anchors, entries)
    receipt = carry_out_back(
        directory,
        approved,
        anchors,
        lambda display: undo_run(
            directory, approved, why, progress=display, on_stop=stop_on_signals
        ),
    )
    return CommandResult(
        exit_code=ExitCode.OK,
        document={
            "run": directory.name,
            "state": receipt.state,
            "steps": [step._asdict() for step in receipt.steps],
            "report": str(directory.path / "report.html"),
        },
        text=_text(directory, approved.plan, receipt),
    )


def _text(run: RunDirectory, plan: Plan, receipt: Receipt) -> str:
    """What was taken back, and what there was nothing to take back of."""
    style = terminal_style()
    takes = {step.id: undo.undoes for s in plan.stages for undo in s.undo for step in undo.steps}
    operations = {step.id: step.operation for step in plan.undo_steps}
    rows = [
        (
            step.step,
            step.target,
            operations[step.step],
            ", ".join(takes[step.step]),
            "done" if step.state is StepState.DONE else "not needed: no effect is there",
        )
        for step in receipt.steps
    ]
    heads = ("step", "target", "operation", "takes back", "outcome")
    table = draw([columns(heads, rows)], width=style.width, colour=style.colour)
    return (
        f"{run.name} is undone: {receipt.message}\n\n{table}\n\nreport: "
        f"{run.path / 'report.html'}\nnext: `remediate diagnose` says what is true now"
    )
