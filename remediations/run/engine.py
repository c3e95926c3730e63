"""Applies one approved plan: stage by stage, everything in the journal first, stopping at once.

1. A command is announced in the journal, on disk, before it is launched.
2. Commands of one stage run at once; the stage ends when all have ended.
3. Any command that is not done stops the run: no later stage starts.
4. The stage's gate must open within its time limit, or the run stops.
5. A person's stop starts nothing more; what runs is named in the receipt.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from remediations.plan.plan import Command, Gate, Plan, Stage
from remediations.run.carry_out import Ending, carry_out
from remediations.run.driver import Driver, StepId
from remediations.run.gates import judge_gate
from remediations.run.journal import Journal
from remediations.run.progress import Progress
from remediations.run.records import CommandState, EntryKind, HeightSample, RunState
from remediations.run.snapshot import Poll, Snapshot

SAMPLE_S = 1.0
GATE_LOOK_S = 0.25
STOP_PATIENCE_S = 10.0
"""How long a stopped run waits for commands that were launched already."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """How a run ended: for each host and stage, done, failed, still running or not started."""

    state: RunState
    message: str
    commands: tuple[tuple[int, str, CommandState], ...]

    def where(self, *states: CommandState) -> tuple[str, ...]:
        """`stage N on HOST` for every command in one of these states."""
        return tuple(
            f"stage {stage} on {host}" for stage, host, state in self.commands if state in states
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
        self._progress = progress
        self._states = {
            (stage.number, command.host): CommandState.PLANNED
            for stage in plan.stages
            for command in stage.commands
        }
        self._latest: Snapshot | None = None
        self.stop = asyncio.Event()

    async def apply(self) -> Receipt:
        """Carry the plan out. The journal ends with how the run ended, whatever happens."""
        sampler = asyncio.create_task(self._sample())
        try:
            state, message = await self._stages()
        finally:
            sampler.cancel()
            await asyncio.gather(sampler, return_exceptions=True)
        self._journal.append(EntryKind.RUN_ENDED, state=state, message=message)
        return Receipt(
            state=state,
            message=message,
            commands=tuple((stage, host, s) for (stage, host), s in self._states.items()),
        )

    async def _stages(self) -> tuple[RunState, str]:
        for stage in self._plan.stages:
            if self.stop.is_set():
                return RunState.ABORTED, "stopped by a person"
            self._progress.stage_began(stage)
            endings = await self._commands(stage)
            bad = [(c, e) for c, e in endings if e.state is not CommandState.DONE]
            if self.stop.is_set():
                return RunState.ABORTED, "stopped by a person"
            if bad:
                command, ending = bad[0]
                return RunState.STOPPED, f"{command.host}: {ending.state}: {ending.message}"
            opened, seen = await self._wait_for(stage.gate)
            if self.stop.is_set():
                return RunState.ABORTED, "stopped by a person"
            if not opened:
                return RunState.STOPPED, f"the gate did not open: {stage.gate.title}; {seen}"
        return RunState.RUNNING, "all stages are done; the checks decide"

    async def _commands(self, stage: Stage) -> list[tuple[Command, Ending]]:
        work = {
            asyncio.create_task(self._command(stage, index, command)): command
            for index, command in enumerate(stage.commands)
        }
        stopped = asyncio.create_task(self.stop.wait())
        pending: set[asyncio.Task[Ending]] = set(work)
        while pending and not stopped.done():
            await asyncio.wait({*pending, stopped}, return_when=asyncio.FIRST_COMPLETED)
            pending = {task for task in pending if not task.done()}
        if pending:
            _, pending = await asyncio.wait(pending, timeout=STOP_PATIENCE_S)
        stopped.cancel()
        for task in pending:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        return [(work[task], task.result()) for task in work if not task.cancelled()]

    async def _command(self, stage: Stage, index: int, command: Command) -> Ending:
        self._journal.append(
            EntryKind.COMMAND_STARTING,
            stage=stage.number,
            host=command.host,
            state=CommandState.STARTED,
            message=command.operation,
            command_sha256=hashlib.sha256(command.text.encode()).hexdigest(),
        )
        self._becomes(stage, command, CommandState.STARTED, "")
        began = time.monotonic()
        step = StepId(plan=self._digest, stage=stage.number, index=index)
        ending = await carry_out(self._driver, step, command)
        seen = ending.sighting
        self._journal.append(
            EntryKind.COMMAND_ENDED,
            stage=stage.number,
            host=command.host,
            state=ending.state,
            message=ending.message,
            exit_status=seen.exit_status if seen else None,
            output=seen.output if seen else "",
            error_output=seen.error_output if seen else "",
            duration_ms=int((time.monotonic() - began) * 1000),
        )
        self._becomes(stage, command, ending.state, ending.message)
        return ending

    def _becomes(self, stage: Stage, command: Command, state: CommandState, said: str) -> None:
        self._states[stage.number, command.host] = state
        self._progress.command_is(stage, command, state, said)

    async def _wait_for(self, gate: Gate) -> tuple[bool, str]:
        self._journal.append(EntryKind.GATE_WAITING, message=gate.title)
        end = time.monotonic() + gate.timeout_s
        opened, seen = False, "nothing was seen"
        while not opened and not self.stop.is_set() and time.monotonic() < end:
            snapshot = await self._look()
            opened, seen = judge_gate(gate, snapshot)
            self._progress.gate_is(gate, open_=opened, seen=seen)
            if not opened:
                await asyncio.sleep(GATE_LOOK_S)
        state = CommandState.DONE if opened else CommandState.FAILED
        self._journal.append(EntryKind.GATE_ENDED, state=state, message=f"{gate.title}: {seen}")
        return opened, seen

    async def _sample(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(SAMPLE_S)

    async def _look(self) -> Snapshot:
        snapshot = await self._poll()
        changed = self._latest != snapshot
        self._latest = snapshot
        if changed:
            self._journal.append(
                EntryKind.SAMPLE,
                round=snapshot.round,
                online_power=snapshot.online_power,
                total_power=snapshot.total_power,
                heights=_heights(snapshot),
            )
        self._progress.sampled(snapshot)
        return snapshot


def _heights(snapshot: Snapshot) -> Sequence[HeightSample]:
    return tuple(HeightSample(host=h.host, height=h.height) for h in snapshot.hosts)
