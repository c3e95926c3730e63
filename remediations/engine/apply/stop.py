"""Stops a run from elsewhere: nothing of it starts any more, and each step gets a receipt.

What decides is on the targets: a step that has not started is voided there, so whoever applies the
plan, from whatever machine, cannot start it. A step that runs is left to end, or is asked to end
early where its driver can do that (`settle.stop_steps`).
The process that applies the run on this machine, if there is one, is asked to stop first, and
writes the journal itself. What a lost process still holds is given back, so that another plan can
take it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from remediations.engine.apply.carry_out import Ending
from remediations.engine.apply.driver import Driver
from remediations.engine.apply.fence_hold import FenceRequest, give_back_lost
from remediations.engine.apply.receipt import ended
from remediations.engine.apply.settle import StopOutcome, Stopped, ask_running, stop_steps
from remediations.engine.apply.steps import STOP_PATIENCE_S
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import (
    Event,
    FenceGiven,
    JournalEntry,
    RunAbandoned,
    RunEnded,
    RunState,
    StepState,
    StepVoided,
    StopAsked,
)
from remediations.engine.runs.status import run_status, step_states
from remediations.engine.runs.store import RunDirectory
from remediations.errors import UsageError

LEAVES_WITHIN_S = STOP_PATIENCE_S + 5
"""Seconds for the process that applies the run to stop and to write its last record."""
LOOK_S = 0.2
ENDED = {
    RunState.VERIFIED: "every step is done",
    RunState.UNVERIFIED: "every step is done",
    RunState.ABANDONED: "nobody goes on with it",
    RunState.UNDONE: "what it did was taken back",
}
"""The states of a run that has ended for good, and why there is nothing to stop."""
_ENDS = {StepState.DONE: StopOutcome.FINISHED, StepState.FAILED: StopOutcome.FAILED}


@dataclass(frozen=True, kw_only=True)
class StopReceipt:
    """What became of every step of a run, in the order of the plan. `recorded` says whether that is
    in the journal here; where not, the process that applies the run writes one itself, or the run
    was never begun on this machine."""

    steps: tuple[Stopped, ...]
    recorded: bool

    def where(self, *outcomes: StopOutcome) -> tuple[str, ...]:
        """`step ID on TARGET` for every step with one of these outcomes."""
        return tuple(
            f"step {one.step.id} on {one.step.target}"
            for one in self.steps
            if one.outcome in outcomes
        )

    def summary(self) -> str:
        """All steps, grouped by what became of them, on one line."""
        groups = ((outcome, self.where(outcome)) for outcome in StopOutcome)
        return "; ".join(f"{outcome}: {', '.join(steps)}" for outcome, steps in groups if steps)


async def stop_run(
    run: RunDirectory,
    asked: StopAsked,
    drivers: Mapping[str, Driver],
    fences: FenceRequest,
    alive: Callable[[], bool],
    *,
    abandon: bool = False,
) -> StopReceipt:
    """Stop a run for good. `fences` are what it holds while it is carried out; `alive` says whether
    a process on this machine applies it now.

    With `abandon`, the journal says that nobody goes on with it; otherwise that a person stopped
    it.

    Raises:
        UsageError: it has ended for good already.
        MachineError: the journal cannot be written.
    """
    _check_open(run)
    known = step_states(read_journal(run.journal))
    left = [step for step in run.plan.steps if known.get(step.id) not in _ENDS]
    if alive():
        run.ask_stop(asked)
        # It waits for what runs, so that is asked now.
        await ask_running(run.digest, left, drivers)
        end = time.monotonic() + LEAVES_WITHIN_S
        while alive() and time.monotonic() < end:
            await asyncio.sleep(LOOK_S)
    entries = read_journal(run.journal)
    stopped = {
        one.step.id: one
        for one in await stop_steps(run.digest, left, drivers, patience_s=STOP_PATIENCE_S)
    }
    receipt = StopReceipt(
        steps=tuple(
            stopped.get(step.id) or Stopped(step, _ENDS[known[step.id]], "", None)
            for step in run.plan.steps
        ),
        recorded=bool(entries) and not alive(),
    )
    given = [] if alive() else await give_back_lost(fences, entries)
    if receipt.recorded:
        _record(run, asked, entries, receipt, given, abandon=abandon)
    return receipt


def _check_open(run: RunDirectory) -> None:
    entries = read_journal(run.journal)
    state = run_status(run.plan, entries, hindrance="", alive=False).state
    if state not in ENDED:
        return
    raise UsageError(
        f"{run.reference} is {state}: there is nothing to stop",
        guard="an open run",
        got=ENDED[state],
        expected="a run with something left to do",
        next_step=f"remediate status {run.reference}",
    )


def _record(
    run: RunDirectory,
    asked: StopAsked,
    before: Sequence[JournalEntry],
    receipt: StopReceipt,
    given: Sequence[FenceGiven],
    *,
    abandon: bool,
) -> None:
    states = step_states(before)
    message = f"stopped by {asked.actor}: {asked.reason}"
    end: Event = (
        RunAbandoned(reason=asked.reason) if abandon else RunEnded(state="aborted", message=message)
    )
    with closing(Journal.reopened(run.journal)) as journal:
        journal.append(asked)
        for one in receipt.steps:
            event = record_of(one, states.get(one.step.id))
            if event is not None:
                journal.append(event)
        for event in (end, *given):
            journal.append(event)


def record_of(one: Stopped, before: StepState | None) -> Event | None:
    """The record of what became of a step; None where the journal has it already, or there is
    nothing to say."""
    if before in _ENDS:
        return None
    if one.ending is not None and before is not None:
        return ended(one.step.id, one.ending, duration_ms=0)
    if one.outcome is not StopOutcome.VOIDED or before is StepState.VOIDED:
        return None
    if before is not None:
        return ended(one.step.id, Ending("failed", one.message, None), duration_ms=0)
    return StepVoided(step=one.step.id, target=one.step.target)
