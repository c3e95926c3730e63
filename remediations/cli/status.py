"""`remediate status [RUN]`: where runs stand, from their files. Contacts nobody."""

from __future__ import annotations

import click

from remediations.cli.answer import Answer
from remediations.cli.options import json_option
from remediations.cli.reporting import status as run_status
from remediations.errors import ExitCode
from remediations.run.records import RunState
from remediations.run.store import RunDirectory, find, runs


@click.command("status", help="Say where RUN stands, or list all runs.")
@click.argument("run", required=False)
@json_option
def command(run: str | None) -> Answer:
    """Exit 0."""
    return _one(find(run)) if run else _all(runs())


def _one(directory: RunDirectory) -> Answer:
    status = run_status(directory)
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
        text="\n".join(lines),
    )


def _all(every: tuple[RunDirectory, ...]) -> Answer:
    rows = [(run.name, run_status(run).state) for run in every]
    return Answer(
        exit_code=ExitCode.OK,
        document=[{"run": name, "state": state} for name, state in rows],
        text="\n".join(f"{name:<44} {state}" for name, state in rows)
        or "no runs yet\nnext: remediate plan PLAYBOOK --inventory FILE",
    )


def _next(directory: RunDirectory, state: RunState) -> str:
    name = directory.name
    steps = {
        RunState.PLANNED: f"remediate approve {name} --key KEY",
        RunState.APPROVED: f"remediate apply {name}",
        RunState.RUNNING: "wait for it, or stop it with Ctrl-C where it runs",
        RunState.VERIFIED: f"read {directory.path / 'report.html'}",
        RunState.UNVERIFIED: f"remediate verify {name}",
    }
    return steps.get(state, "`remediate diagnose`, then a new plan")
