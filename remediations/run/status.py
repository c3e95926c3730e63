"""Where a run stands, from its journal alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from remediations.plan.plan import Plan
from remediations.run.records import CommandState, Entry, EntryKind, RunState


class Status(NamedTuple):
    """The run's state, and for each stage and host the state of its command."""

    state: RunState
    message: str
    commands: tuple[tuple[int, str, CommandState], ...]


def status_of(
    plan: Plan, entries: Sequence[Entry], *, approved: bool, verified: bool | None, alive: bool
) -> Status:
    """Where the run stands. `verified`: what the checks said last, None before; `alive`: a process
    applies it right now.

    A command that was announced and has no end, of a process that is gone, is *unknown*: it is
    never guessed.
    """
    ended = {(e.stage, e.host): e.state for e in entries if e.kind is EntryKind.COMMAND_ENDED}
    started = {(e.stage, e.host) for e in entries if e.kind is EntryKind.COMMAND_STARTING}

    def state(stage: int, host: str) -> CommandState:
        key = (stage, host)
        if key in ended:
            return CommandState(ended[key])
        if key in started:
            return CommandState.STARTED if alive else CommandState.UNKNOWN
        return CommandState.PLANNED

    commands = tuple(
        (stage.number, command.host, state(stage.number, command.host))
        for stage in plan.stages
        for command in stage.commands
    )
    run_state, message = _run(entries, approved=approved, verified=verified, alive=alive)
    return Status(run_state, message, commands)


def _run(
    entries: Sequence[Entry], *, approved: bool, verified: bool | None, alive: bool
) -> tuple[RunState, str]:
    if not entries:
        return (RunState.APPROVED if approved else RunState.PLANNED), "nothing was done yet"
    last = entries[-1]
    if last.kind is EntryKind.RUN_ENDED:
        ended = RunState(last.state)
        if ended is not RunState.RUNNING:
            return ended, last.message
        if verified is None:
            return RunState.UNVERIFIED, "applied; the checks have not been run"
        return (RunState.VERIFIED if verified else RunState.UNVERIFIED), last.message
    if alive:
        return RunState.RUNNING, "a process applies it right now"
    return RunState.UNKNOWN, "the process that applied it is gone: ask the hosts"
