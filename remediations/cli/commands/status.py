"""`remediate status [RUN]`: the state of runs, from their files. Contacts no host."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.anchors import Anchors
from remediations.cli.opened import open_run
from remediations.cli.options import inventory_option, json_option
from remediations.cli.output import CommandResult, next_command
from remediations.cli.run_status import current_status, is_expired, quick_status, way_on
from remediations.engine.plan.plan import words_to_plan
from remediations.engine.runs.records import RunState
from remediations.engine.runs.status import RunStatus
from remediations.engine.runs.store import RunDirectory, list_runs
from remediations.errors import ExitCode, RemediationError
from remediations.render.printable import one_line

UNREADABLE = "unreadable"
"""Shown instead of a state if the files of a run are not what was written."""


@click.command("status", help="Say where RUN|FILE stands, or list all runs.")
@click.argument("run", required=False)
@inventory_option
@json_option
def command(run: str | None, inventory: Path | None) -> CommandResult:
    """Exit 0. In the list, a run whose files cannot be used is a line, not an error."""
    return _one(open_run(run), inventory) if run else _all(list_runs(), inventory)


def _one(run: RunDirectory, inventory: Path | None) -> CommandResult:
    # Imported here: the list does not verify runs that were applied.
    from remediations.cli.evidence import gather_evidence

    found = gather_evidence(run, Anchors(run.plan, inventory))
    status = current_status(run, found.entries, found.hindrance)
    lines = [f"NOT PROVEN: {doubt}" for doubt in found.doubts]
    lines += [f"{run.name}: {status.state}", f"  {status.message}"]
    lines += [f"  {step.step:<5} {step.target:<16} {step.state}" for step in status.steps]
    lines.append(f"next: {_next(run, status)}")
    return CommandResult(
        exit_code=ExitCode.OK,
        document={
            "run": run.name,
            "state": status.state,
            "message": status.message,
            "holds": list(status.holds),
            "approved_by": list(found.approvals),
            "doubts": list(found.doubts),
            "steps": [step._asdict() for step in status.steps],
        },
        text="\n".join(map(one_line, lines)),
    )


def _all(every: tuple[RunDirectory, ...], inventory: Path | None) -> CommandResult:
    rows = [_row(run, inventory) for run in every]
    return CommandResult(
        exit_code=ExitCode.OK,
        document=[{"run": run, "state": state, "message": said} for run, state, said in rows],
        text="\n".join(
            one_line(f"{run:<44} {state:<10} {said}").rstrip() for run, state, said in rows
        )
        or "no runs yet\nnext: remediate plan PLAYBOOK --inventory FILE",
    )


def _row(run: RunDirectory, inventory: Path | None) -> tuple[str, str, str]:
    try:
        status, doubts = quick_status(run, inventory)
    except RemediationError as error:
        return run.name, UNREADABLE, f"{error.what} ({error.got})"
    said = (*(f"NOT PROVEN: {doubt}" for doubt in doubts), status.message)
    return run.name, status.state, "; ".join(said)


def _next(run: RunDirectory, status: RunStatus) -> str:
    match status.state:
        case RunState.PLANNED if is_expired(run.plan):
            return next_command(*words_to_plan(run.plan))
        case RunState.PLANNED if run.travels:
            signed = ("--key", "KEY", "--out", "approval.json")
            return next_command("approve", run.reference, *signed)
        case _ if run.travels:
            return f"remediate import {run.reference}"
        case RunState.PLANNED:
            return next_command("approve", run.reference, "--key", "KEY")
        case RunState.APPROVED:
            return next_command("apply", run.reference)
        case RunState.RUNNING:
            stop = next_command("stop", run.reference, "--reason", "WHY")
            return f"wait for it, or stop it: `{stop}`"
        case RunState.UNDONE if status.holds:
            return next_command("undo", run.reference, "--reason", "WHY")
        case RunState.VERIFIED | RunState.UNVERIFIED if status.holds:
            return next_command("resume", run.reference)
        case RunState.VERIFIED:
            return f"read {run.path / 'report.html'}"
        case RunState.UNVERIFIED:
            return next_command("verify", run.reference)
        case RunState.ABANDONED | RunState.UNDONE:
            return "`remediate diagnose` and a new plan"
        case _:
            return way_on(run, *(step.state for step in status.steps))
