"""`remediate status [RUN]`: where runs stand, from their files. Contacts nobody."""

from __future__ import annotations

import click

from remediations.cli.answer import Answer
from remediations.cli.options import json_option
from remediations.cli.standing import expired, standing
from remediations.errors import ExitCode, RemediationError
from remediations.render.printable import one_line
from remediations.run.records import RunState
from remediations.run.store import RunDirectory, find, runs

UNREADABLE = "unreadable"
"""Instead of a state, where a run's files are not what was written."""


@click.command("status", help="Say where RUN stands, or list all runs.")
@click.argument("run", required=False)
@json_option
def command(run: str | None) -> Answer:
    """Exit 0. In the list, a run whose files cannot be used is one more line, not the end."""
    return _one(find(run)) if run else _all(runs())


def _one(directory: RunDirectory) -> Answer:
    status = standing(directory)
    lines = [f"{directory.name}: {status.state}", f"  {status.message}"]
    lines += [f"  stage {stage} {host:<16} {state}" for stage, host, state in status.commands]
    lines.append(f"next: {_next(directory, status.state)}")
    return Answer(
        exit_code=ExitCode.OK,
        document={
            "run": directory.name,
            "state": status.state,
            "message": status.message,
            "commands": [
                {"stage": stage, "host": host, "state": state}
                for stage, host, state in status.commands
            ],
        },
        text="\n".join(map(one_line, lines)),
    )


def _all(every: tuple[RunDirectory, ...]) -> Answer:
    rows = [_row(run) for run in every]
    return Answer(
        exit_code=ExitCode.OK,
        document=[{"run": run, "state": state, "message": said} for run, state, said in rows],
        text="\n".join(
            one_line(f"{run:<44} {state:<10} {said}").rstrip() for run, state, said in rows
        )
        or "no runs yet\nnext: remediate plan PLAYBOOK --inventory FILE",
    )


def _row(run: RunDirectory) -> tuple[str, str, str]:
    try:
        status = standing(run)
    except RemediationError as error:
        return run.name, UNREADABLE, f"{error.what} ({error.got})"
    return run.name, status.state, status.message


def _next(directory: RunDirectory, state: RunState) -> str:
    name, plan = directory.name, directory.plan()
    if state is RunState.PLANNED and expired(plan):
        return f"remediate plan {plan.playbook} --inventory {directory.inventory().path}"
    steps = {
        RunState.PLANNED: f"remediate approve {name} --key KEY",
        RunState.APPROVED: f"remediate apply {name}",
        RunState.RUNNING: "wait for it, or stop it with Ctrl-C where it runs",
        RunState.VERIFIED: f"read {directory.path / 'report.html'}",
        RunState.UNVERIFIED: f"remediate verify {name}",
    }
    return steps.get(state, "`remediate diagnose`, then a new plan")
