"""Applies one approved plan: stage by stage, everything in the journal first, stopping at once.

1. A command is announced in the journal, on disk, before it is launched.
2. The hosts of one stage act at once, each its commands in order; the stage ends when all have.
3. Any command that is not done stops the run: no later stage starts.
4. The stage's gate must open within its time limit, or the run stops.
5. A person's stop starts nothing more; what may still run is named in the receipt.
6. Looking and showing never change a run; a journal that cannot be written ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from remediations.engine.apply.carry_out import Ending, carry_out
from remediations.engine.apply.driver import Driver, StepId
from remediations.engine.apply.progress import Progress, SafeProgress
from remediations.engine.plan.plan import Gate, Plan, Stage, Step
from remediations.engine.runs.journal import Journal
from remediations.engine.runs.records import CommandState, EntryKind, HeightSample, RunState
from remediations.engine.runs.status import StepStanding
from remediations.errors import MachineError
from remediations.playbooks.chain.gates import judge_gate
from remediations.playbooks.chain.look import Poll, Snapshot

log = logging.getLogger(__name__)
SAMPLE_S = 1.0
GATE_LOOK_S = 0.25
LOOK_LIMIT_S = 15.0
STOP_PATIENCE_S = 10.0
"""How long a stopped run waits for commands that were launched already."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """How a run ended: for each step, done, failed, unknown (may still run) or not started."""

    state: RunState
    message: str
    steps: tuple[StepStanding, ...]

    def where(self, *states: CommandState) -> tuple[str, ...]:
        """`step ID on HOST` for every step in one of these states."""
        return tuple(str(step) for step in self.steps if step.state in states)

    def told(self) -> str:
        """Every step by how it ended, in one line."""
        groups = {
            "done": (CommandState.DONE,),
            "failed": (CommandState.FAILED,),
            "may still run": (CommandState.STARTED, CommandState.UNKNOWN),
            "not started": (CommandState.PLANNED,),
        }
        return "; ".join(
            f"{name}: {', '.join(self.where(*states)) or 'nothing'}"
            for name, states in groups.items()
        )


class Engine:
    """One application of one plan. `stop` may be set at any time, from the same loop."""

    def __init__(
        self,
        plan: Plan,
        digest: str,
        *,
        driver: Driver,
        journal: Journal,
        poll: Poll,
        progress: Progress,
    ) -> None:
        self._plan = plan
        self._digest = digest
        self._driver = driver
        self._journal = journal
        self._poll = poll
        self._progress = SafeProgress(progress)
        self._states = {step.id: CommandState.PLANNED for step in plan.steps()}
        self._latest: Snapshot | None = None
        self._unseen = ""
        self._lost_record: MachineError | None = None
        self.stop = asyncio.Event()

    async def apply(self) -> Receipt:
        """Carry the plan out. The journal ends with how the run ended, whatever happens.

        Raises:
            MachineError: the journal cannot be written; says what was done and what may still run.
        """
        sampler = asyncio.create_task(self._sample())
        try:
            state, message = await self._stages()
            self._record(EntryKind.RUN_ENDED, state=state, message=message)
        except MachineError as error:
            raise self._unrecorded(error) from error
        except BaseException as error:
            # A second Ctrl-C, or a bug: the record is complete all the same.
            with contextlib.suppress(MachineError):
                self._journal.append(
                    EntryKind.RUN_ENDED, state=RunState.UNKNOWN, message=_said(error)
                )
            raise
        finally:
            sampler.cancel()
            await asyncio.gather(sampler, return_exceptions=True)
        return self._receipt(state, message)

    async def _stages(self) -> tuple[RunState, str]:
        for stage in self._plan.stages:
            if self.stop.is_set():
                break
            self._progress.stage_began(stage)
            bad = await self._commands(stage)
            if self.stop.is_set():
                break
            if bad:
                step, ending = bad[0]
                return RunState.STOPPED, f"{step.command.host}: {ending.state}: {ending.message}"
            opened, seen = await self._wait_for(stage.gate)
            if self.stop.is_set():
                break
            if not opened:
                return RunState.STOPPED, f"the gate did not open: {stage.gate.title}; {seen}"
        else:
            return RunState.RUNNING, "all stages are done; the checks decide"
        return RunState.ABORTED, "stopped by a person"

    async def _commands(self, stage: Stage) -> list[tuple[Step, Ending]]:
        """Carry out a stage; the steps that are not done."""
        on_host: dict[str, list[Step]] = {}
        for step in self._plan.steps():
            if step.stage is stage:
                on_host.setdefault(step.command.host, []).append(step)
        work = [asyncio.create_task(self._in_order(steps)) for steps in on_host.values()]
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
            # Cancelled commands write their last record before this goes on.
            await asyncio.gather(*work, return_exceptions=True)
        return [bad for task in work for bad in task.result()]

    async def _in_order(self, steps: Sequence[Step]) -> list[tuple[Step, Ending]]:
        """The steps of one host, up to the first that is not done."""
        for step in steps:
            if self.stop.is_set():
                break
            ending = await self._step(step)
            if ending.state is not CommandState.DONE:
                return [(step, ending)]
        return []

    async def _step(self, step: Step) -> Ending:
        command = step.command
        self._record(
            EntryKind.COMMAND_STARTING,
            step=step.id,
            host=command.host,
            state=CommandState.STARTED,
            message=command.operation,
            command_sha256=hashlib.sha256(command.text.encode()).hexdigest(),
        )
        self._becomes(step, CommandState.STARTED, "")
        began = time.monotonic()
        claim = StepId(plan=self._digest, step=step.id)
        try:
            ending = await carry_out(
                self._driver, claim, command, may_start=lambda: not self.stop.is_set()
            )
        except asyncio.CancelledError:
            # Returned, not raised: the person's stop is known, and this is its receipt.
            ending = Ending(CommandState.UNKNOWN, "stopped by a person; it may still run", None)
        except Exception as bug:  # noqa: BLE001 - it was announced, so it has an ending: not known
            ending = Ending(CommandState.UNKNOWN, _said(bug), None)
        self._states[step.id] = ending.state
        seen = ending.sighting
        self._record(
            EntryKind.COMMAND_ENDED,
            step=step.id,
            host=command.host,
            state=ending.state,
            message=ending.message,
            exit_status=seen.exit_status if seen else None,
            output=seen.output if seen else "",
            error_output=seen.error_output if seen else "",
            duration_ms=int((time.monotonic() - began) * 1000),
        )
        self._becomes(step, ending.state, ending.message)
        return ending

    def _record(self, kind: EntryKind, **fields: Any) -> None:  # noqa: ANN401 - Entry's own fields
        """Write an entry. After a lost one nothing goes on, also when there is room again."""
        if self._lost_record is not None:
            raise self._lost_record
        try:
            self._journal.append(kind, **fields)
        except MachineError as error:
            self._lost_record = error
            raise

    def _becomes(self, step: Step, state: CommandState, said: str) -> None:
        self._states[step.id] = state
        self._progress.step_is(step, state, said)

    async def _wait_for(self, gate: Gate) -> tuple[bool, str]:
        self._record(EntryKind.GATE_WAITING, message=gate.title)
        end = time.monotonic() + gate.timeout_s
        opened, seen = False, "nothing was seen"
        while not opened and not self.stop.is_set() and time.monotonic() < end:
            snapshot = await self._look(min(LOOK_LIMIT_S, end - time.monotonic()))
            if snapshot is None:
                seen = self._unseen
            else:
                opened, seen = judge_gate(gate, snapshot)
                self._progress.gate_is(gate, open_=opened, seen=seen)
            log.debug("gate %s: %s: %s", gate.title, "open" if opened else "shut", seen)
            if not opened:
                await asyncio.sleep(GATE_LOOK_S)
        log.info("gate %s: %s: %s", gate.title, "open" if opened else "did not open", seen)
        state = CommandState.DONE if opened else CommandState.FAILED
        self._record(EntryKind.GATE_ENDED, state=state, message=f"{gate.title}: {seen}")
        return opened, seen

    async def _sample(self) -> None:
        while True:
            await self._look(LOOK_LIMIT_S)
            await asyncio.sleep(SAMPLE_S)

    async def _look(self, limit_s: float) -> Snapshot | None:
        """Look at the chain once; None where that did not succeed, which opens no gate."""
        try:
            async with asyncio.timeout(limit_s):
                snapshot = await self._poll()
        except Exception as error:  # noqa: BLE001 - looking is not acting: it is tried again
            self._unseen = f"could not look: {_said(error)}"
            log.info("no look at the chain within %.1f s: %s", limit_s, _said(error))
            return None
        changed = self._latest != snapshot
        self._latest = snapshot
        if changed:
            self._record(
                EntryKind.SAMPLE,
                round=snapshot.round,
                online_power=snapshot.online_power,
                total_power=snapshot.total_power,
                heights=_heights(snapshot),
            )
        self._progress.sampled(snapshot)
        return snapshot

    def _receipt(self, state: RunState, message: str) -> Receipt:
        steps = tuple(
            StepStanding(step.id, step.command.host, self._states[step.id])
            for step in self._plan.steps()
        )
        return Receipt(state=state, message=message, steps=steps)

    def _unrecorded(self, error: MachineError) -> MachineError:
        """The receipt as an error: there is no journal to read it from."""
        receipt = self._receipt(RunState.STOPPED, error.what)
        return MachineError(
            "the journal cannot be written: nothing more was started",
            guard="journal before the act",
            got=f"{error.got}; {receipt.told()}",
            expected="room for the record of every step",
            next_step=f"{error.next_step}, then `remediate diagnose` and a new plan",
        )


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _heights(snapshot: Snapshot) -> Sequence[HeightSample]:
    return tuple(HeightSample(host=h.host, height=h.height) for h in snapshot.hosts)
