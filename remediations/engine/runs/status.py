"""The state of a run, from its journal alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from remediations.engine.plan.plan import Plan
from remediations.engine.runs.records import (
    Checked,
    Event,
    FenceGiven,
    FenceTaken,
    JournalEntry,
    RunAbandoned,
    RunEnded,
    RunResumed,
    RunState,
    StepEnded,
    StepStarting,
    StepState,
    StepVoided,
    StopAsked,
    UndoBegan,
)
from remediations.render.formats import format_moment

OfStep = TypeVar("OfStep", StepStarting, StepEnded, StepVoided)
OfKind = TypeVar("OfKind", bound=Event)
OPEN = frozenset({StepState.STARTED, StepState.UNKNOWN})
"""The states of a step whose end nobody has seen."""
OVER = (RunState.VERIFIED, RunState.UNVERIFIED, RunState.UNDONE)
"""The states of a run of which no step is left."""


class StepStatus(NamedTuple):
    """The state of one step. `step` is its id, `target` what it acts on."""

    step: str
    target: str
    state: StepState

    def __str__(self) -> str:
        return f"step {self.step} on {self.target}"


class RunStatus(NamedTuple):
    """The run's state, and that of each step of its plan; of those that take others back only once
    they were started. `holds` names the resources that it still holds after its end
    (`held_fences`); `resume` gives them back, or `undo` if it was undone."""

    state: RunState
    message: str
    steps: tuple[StepStatus, ...]
    holds: tuple[str, ...] = ()


def run_status(
    plan: Plan, entries: Sequence[JournalEntry], *, hindrance: str, alive: bool
) -> RunStatus:
    """The state of a run and its steps. `hindrance` says why it may not be applied as it is, "" if
    it may; `alive` says whether a process is applying it.

    If the process is gone, a step that was announced and has no end is *unknown*: its state is
    never guessed.
    """
    lost = StepState.STARTED if alive else StepState.UNKNOWN
    states = step_states(entries)
    steps = []
    for step in (*plan.steps, *(step for step in plan.undo_steps if step.id in states)):
        state = states.get(step.id, StepState.PLANNED)
        shown = lost if state is StepState.STARTED else state
        steps.append(StepStatus(step.id, step.target, shown))
    run_state, message = _run(entries, hindrance=hindrance, alive=alive)
    lost_at_the_end = run_state in OVER and not alive
    holds = tuple(fence.resource for fence in held_fences(entries)) if lost_at_the_end else ()
    if holds:
        message += f"; its process was lost before it gave back {', '.join(holds)}"
    return RunStatus(run_state, message, tuple(steps), holds)


def step_states(entries: Sequence[JournalEntry]) -> dict[str, StepState]:
    """The last recorded state of each step that has one: started, how it ended, or voided."""
    states: dict[str, StepState] = {}
    for event in (entry.event for entry in entries):
        if isinstance(event, StepStarting):
            states[event.step] = StepState.STARTED
        elif isinstance(event, StepEnded):
            states[event.step] = StepState(event.state)
        elif isinstance(event, StepVoided):
            states[event.step] = StepState.VOIDED
    return states


def events_by_step(entries: Sequence[JournalEntry], kind: type[OfStep]) -> dict[str, OfStep]:
    """The last event of one kind for each step, by the id of the step. A step has several only if
    its run was resumed before anybody saw its end."""
    events = (entry.event for entry in entries)
    return {event.step: event for event in events if isinstance(event, kind)}


def last_event(entries: Sequence[JournalEntry], kind: type[OfKind]) -> OfKind | None:
    """The last event of one kind; None if there is none."""
    events = (entry.event for entry in reversed(entries))
    return next((event for event in events if isinstance(event, kind)), None)


def held_fences(entries: Sequence[JournalEntry]) -> tuple[FenceTaken, ...]:
    """The fences that a run took and did not record as given back: its targets let nobody else
    change these resources. It holds them while it is carried out, and after that only if its
    process was lost at the very end."""
    held: dict[tuple[str, int], FenceTaken] = {}
    newest: dict[str, int] = {}
    for event in (entry.event for entry in entries):
        if isinstance(event, FenceTaken):
            newest[event.resource] = event.number
            held[event.resource, event.number] = event
        elif isinstance(event, FenceGiven):
            held.pop((event.resource, event.number), None)
    return tuple(fence for (name, number), fence in held.items() if newest[name] == number)


def deciding_verification(entries: Sequence[JournalEntry]) -> Checked | None:
    """The verification that decides the state of a run: the first in which every check passes,
    which no later one takes back; else the last one. None if there is none."""
    verified = (
        entry.event
        for entry in entries
        if isinstance(entry.event, Checked) and entry.event.state == "verified"
    )
    return next(verified, None) or last_event(entries, Checked)


def _run(entries: Sequence[JournalEntry], *, hindrance: str, alive: bool) -> tuple[RunState, str]:
    if not entries and not alive:
        if hindrance:
            return RunState.PLANNED, f"nothing was done yet: {hindrance}"
        return RunState.APPROVED, "nothing was done yet"
    given_up = last_event(entries, RunAbandoned)
    if given_up is not None:
        return RunState.ABANDONED, given_up.reason
    end = _end_of_last_attempt(entries)
    if end is not None:
        if RunState(end.state) is not RunState.RUNNING:
            return RunState(end.state), end.message
        decides, last = deciding_verification(entries), last_event(entries, Checked)
        if decides is None or last is None:
            return RunState.UNVERIFIED, "applied; the checks have not been run"
        later = f"; checked again {format_moment(last.began)}: {last.state}, {last.message}"
        return RunState(decides.state), decides.message + (later if last is not decides else "")
    if alive:
        return RunState.RUNNING, "a process applies it right now"
    return RunState.UNKNOWN, "the process that applied it is gone: the targets know what was done"


def _end_of_last_attempt(entries: Sequence[JournalEntry]) -> RunEnded | None:
    """How the run ended the last time that it was carried out; None while that has no end."""
    for event in (entry.event for entry in reversed(entries)):
        if isinstance(event, RunEnded):
            return event
        if isinstance(event, RunResumed | StopAsked | UndoBegan):
            return None
    return None
