"""Carries out steps that may run at the same time, each announced in the journal before it starts.

What an application of a plan (`application.py`) and the undoing of one (`undo.py`) have in common:
targets in parallel, the steps of one target in order, up to the first that is not done.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from remediations.engine.apply.carry_out import Ending, carry_out
from remediations.engine.apply.driver import Driver, Fence, StepId
from remediations.engine.apply.progress import Progress, SafeProgress
from remediations.engine.apply.receipt import ended
from remediations.engine.plan.plan import Step
from remediations.engine.runs.journal import Journal
from remediations.engine.runs.records import Event, StepStarting, StepState, StopAsked
from remediations.engine.runs.status import StepStatus
from remediations.errors import MachineError

LISTEN_S = 1.0
STOP_PATIENCE_S = 10.0
"""Seconds that a stopped run waits for steps that were launched already."""


class StepRunner:
    """Carries out steps of one plan, under the fences of its run. `stop` may be set at any time,
    from the same event loop: nothing is started after that.

    `done` are the steps that need not be carried out. `stop_asked` says by whom and why the run is
    to be stopped, None while nobody asks for it.
    """

    def __init__(
        self,
        steps: Iterable[Step],
        digest: str,
        *,
        drivers: Mapping[str, Driver],
        fences: Sequence[Fence],
        journal: Journal,
        progress: Progress,
        done: Collection[str] = (),
        stop_asked: Callable[[], StopAsked | None] = lambda: None,
    ) -> None:
        self._known = tuple(steps)
        self._digest = digest
        self._drivers = drivers
        self._fences = fences
        self._journal = journal
        self._states = {
            step.id: StepState.DONE if step.id in done else StepState.PLANNED
            for step in self._known
        }
        self._stop_asked = stop_asked
        self._asked: StopAsked | None = None
        self._lost_record: MachineError | None = None
        self.progress = SafeProgress(progress)
        self.stop = asyncio.Event()

    @property
    def statuses(self) -> tuple[StepStatus, ...]:
        """The state of every step, in their order."""
        return tuple(
            StepStatus(step.id, step.target, self._states[step.id]) for step in self._known
        )

    @property
    def stopped_by(self) -> str:
        """By whom the run was stopped, and why, as far as they said so."""
        asked = self._asked
        return f"stopped by {asked.actor}: {asked.reason}" if asked else "stopped by a person"

    async def listen(self) -> None:
        """Stop when somebody asks for it from elsewhere (`remediate stop`)."""
        while not self.stop.is_set():
            asked = self._stop_asked()
            if asked is not None:
                self._asked = asked
                self.stop.set()
                self.record(asked)
            await asyncio.sleep(LISTEN_S)

    def mark_done(self, steps: Iterable[str]) -> None:
        """These steps need not be carried out: they are done, by their targets' records."""
        self._states |= dict.fromkeys(steps, StepState.DONE)

    def left(self, steps: Iterable[Step]) -> list[Step]:
        """Those of the steps that are not done."""
        return [step for step in steps if self._states[step.id] is not StepState.DONE]

    async def carry_out(self, steps: Iterable[Step]) -> list[tuple[Step, Ending]]:
        """Carry out those that are left, and return the ones that are not done then.

        Raises:
            MachineError: the journal cannot be written.
        """
        on_target: dict[str, list[Step]] = {}
        for step in self.left(steps):
            on_target.setdefault(step.target, []).append(step)
        work = [asyncio.create_task(self._in_order(those)) for those in on_target.values()]
        stopped = asyncio.create_task(self.stop.wait())
        everything = asyncio.gather(*work, return_exceptions=True)
        either: set[asyncio.Future[Any]] = {everything, stopped}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({everything}, timeout=STOP_PATIENCE_S)
        finally:
            stopped.cancel()
            for task in work:
                task.cancel()
            # Cancelled steps write their last record first.
            await asyncio.gather(*work, return_exceptions=True)
        return [bad for task in work for bad in task.result()]

    def record(self, event: Event) -> None:
        """Write an event. After one was lost nothing more is done, even if there is space again.

        Raises:
            MachineError: it cannot be written, or an earlier one could not.
        """
        if self._lost_record is not None:
            raise self._lost_record
        try:
            self._journal.append(event)
        except MachineError as error:
            self._lost_record = error
            raise

    async def _in_order(self, steps: Sequence[Step]) -> list[tuple[Step, Ending]]:
        """Carry out the steps of one target, up to the first that is not done."""
        for step in steps:
            if self.stop.is_set():
                break
            ending = await self._step(step)
            if ending.state != "done":
                return [(step, ending)]
        return []

    async def _step(self, step: Step) -> Ending:
        self.record(
            StepStarting(
                step=step.id,
                target=step.target,
                action=step.operation,
                payload_sha256=hashlib.sha256(step.payload.encode()).hexdigest(),
            )
        )
        self._becomes(step, StepState.STARTED, "")
        began = time.monotonic()
        claim = StepId(plan=self._digest, step=step.id)
        try:
            ending = await carry_out(
                self._drivers[step.driver],
                claim,
                step,
                fences=self._fences,
                may_start=lambda: not self.stop.is_set(),
            )
        except asyncio.CancelledError:
            # Returned, not raised: it is the result of the person's stop.
            ending = Ending("unknown", "stopped by a person; it may still run", None)
        except Exception as bug:  # noqa: BLE001 - it was announced, so it needs an ending: unknown
            ending = Ending("unknown", said_of(bug), None)
        self._states[step.id] = StepState(ending.state)
        self.record(ended(step.id, ending, duration_ms=int((time.monotonic() - began) * 1000)))
        self._becomes(step, StepState(ending.state), ending.message)
        return ending

    def _becomes(self, step: Step, state: StepState, said: str) -> None:
        self._states[step.id] = state
        self.progress.step_is(step, state, said)


def said_of(error: BaseException) -> str:
    """An error in one line: its kind, and what it says."""
    return f"{type(error).__name__}: {error}".rstrip(": ")
