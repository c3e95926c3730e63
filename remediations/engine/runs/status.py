"""Where a run stands, from its journal alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from remediations.engine.plan.plan import Plan
from remediations.engine.runs.records import CommandState, Entry, EntryKind, RunState


class StepStanding(NamedTuple):
    """Where one step of the plan stands."""

    step: str
    host: str
    state: CommandState

    def __str__(self) -> str:
        return f"step {self.step} on {self.host}"


class Status(NamedTuple):
    """The run's state, and that of each step of its plan."""

    state: RunState
    message: str
    steps: tuple[StepStanding, ...]


def status_of(plan: Plan, entries: Sequence[Entry], *, hindrance: str, alive: bool) -> Status:
    """Where the run stands. `hindrance`: why it may not be applied as it is, empty if it may;
    `alive`: a process applies it right now.

    A command that was announced and has no end, of a process that is gone, is *unknown*: it is
    never guessed.
    """
    started = by_step(entries, EntryKind.COMMAND_STARTING)
    ended = by_step(entries, EntryKind.COMMAND_ENDED)
    lost = CommandState.STARTED if alive else CommandState.UNKNOWN
    steps = []
    for step in plan.steps:
        if step.id in ended:
            state = CommandState(ended[step.id].state)
        else:
            state = lost if step.id in started else CommandState.PLANNED
        steps.append(StepStanding(step.id, step.target, state))
    run_state, message = _run(entries, hindrance=hindrance, alive=alive)
    return Status(run_state, message, tuple(steps))


def by_step(entries: Sequence[Entry], kind: EntryKind) -> dict[str, Entry]:
    """The entries of a kind by the step that they tell of, of which each has one at most."""
    return {entry.step: entry for entry in entries if entry.kind is kind}


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
