"""Where a run stands, from its journal alone. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from remediations.plan.plan import Plan
from remediations.run.records import CommandState, Entry, EntryKind, RunState


class Status(NamedTuple):
    """The run's state, and for each stage and host the state of its command."""

    state: RunState
    message: str
    commands: tuple[tuple[int, str, CommandState], ...]


def status_of(plan: Plan, entries: Sequence[Entry], *, hindrance: str, alive: bool) -> Status:
    """Where the run stands. `hindrance`: why it may not be applied as it is, empty if it may;
    `alive`: a process applies it right now.

    A command that was announced and has no end, of a process that is gone, is *unknown*: it is
    never guessed.
    """
    started = _by_command(entries, EntryKind.COMMAND_STARTING)
    ended = _by_command(entries, EntryKind.COMMAND_ENDED)
    lost = CommandState.STARTED if alive else CommandState.UNKNOWN
    commands = []
    for stage in plan.stages:
        turn: Counter[str] = Counter()
        for command in stage.commands:
            key = (stage.number, command.host, turn[command.host])
            turn[command.host] += 1
            if key in ended:
                state = CommandState(ended[key].state)
            else:
                state = lost if key in started else CommandState.PLANNED
            commands.append((stage.number, command.host, state))
    run_state, message = _run(entries, hindrance=hindrance, alive=alive)
    return Status(run_state, message, tuple(commands))


def _by_command(entries: Sequence[Entry], kind: EntryKind) -> dict[tuple[int, str, int], Entry]:
    """By stage, host, and turn: the commands of one host in one stage run one after the other."""
    turn: Counter[tuple[int, str]] = Counter()
    found = {}
    for entry in entries:
        if entry.kind is kind:
            found[entry.stage, entry.host, turn[entry.stage, entry.host]] = entry
            turn[entry.stage, entry.host] += 1
    return found


def last_of(entries: Sequence[Entry], kind: EntryKind) -> Entry | None:
    """The last entry of a kind; None without one."""
    return next((entry for entry in reversed(entries) if entry.kind is kind), None)


def _run(entries: Sequence[Entry], *, hindrance: str, alive: bool) -> tuple[RunState, str]:
    if not entries and not alive:
        if hindrance:
            return RunState.PLANNED, f"nothing was done yet: {hindrance}"
        return RunState.APPROVED, "nothing was done yet"
    end = last_of(entries, EntryKind.RUN_ENDED)
    if end is not None:
        if RunState(end.state) is not RunState.RUNNING:
            return RunState(end.state), end.message
        checked = last_of(entries, EntryKind.CHECKED)
        if checked is None:
            return RunState.UNVERIFIED, "applied; the checks have not been run"
        return RunState(checked.state), checked.message
    if alive:
        return RunState.RUNNING, "a process applies it right now"
    return RunState.UNKNOWN, "the process that applied it is gone: ask the hosts"
