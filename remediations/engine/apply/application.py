"""Applies one approved plan, stage by stage, with a journal that is written ahead.

1. A step is announced in the journal, on disk, before it is launched.
2. The targets of a stage act at the same time, each with its steps in order. The stage ends when
   all of them have ended.
3. Any step that is not done stops the run: no later stage starts.
4. The stage's gate must open within its time limit, or the run stops.
5. Where more was lost after a stage than it declared, no later stage starts (`regression.py`).
6. After a person's stop nothing more is started; the receipt names what may still be running.
7. A run that is resumed begins with the first stage that has a step left. The gate of the stage
   before must open once more: nobody knows what happened since.
8. A look that fails and a display that breaks change nothing. A journal that cannot be written ends
   the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from remediations.engine.apply.driver import Driver, Fence
from remediations.engine.apply.look import GateVerdict, Look, Sight, Watch
from remediations.engine.apply.progress import Progress
from remediations.engine.apply.receipt import Receipt
from remediations.engine.apply.regression import UNSEEN, Severity, regressions, severity_of
from remediations.engine.apply.steps import StepRunner, said_of
from remediations.engine.plan.plan import Gate, Plan, Stage
from remediations.engine.runs.journal import Journal
from remediations.engine.runs.records import (
    GateEnded,
    GateWaiting,
    RunEnd,
    RunEnded,
    RunState,
    Sampled,
    StopAsked,
)
from remediations.errors import MachineError

log = logging.getLogger(__name__)
SAMPLE_S = 1.0
GATE_LOOK_S = 0.5
"""Seconds between two looks at a gate. Each asks every host, in a session of its own, while what
was started there needs its processors."""
LOOK_LIMIT_S = 15.0
HOPELESS_S = 5.0
"""Seconds in which every look must say that a gate is hopeless, before the wait ends."""
SETTLE_S = 15.0
"""Seconds in which what is counted must come back to what a stage declared, before it counts as a
loss: a node that is slow to answer is missing in one look."""


class _UnseenError(Exception):
    """A look that failed. It changes nothing, and is tried again."""


class Application:
    """One application of one plan, under the fences that it holds. `stop` may be set at any time,
    from the same event loop.

    `done` are the steps that need not be carried out: those that are done when a run is resumed.
    `stop_asked` says by whom and why the run is to be stopped, None while nobody asks for it.
    """

    def __init__(
        self,
        plan: Plan,
        digest: str,
        *,
        drivers: Mapping[str, Driver],
        fences: Sequence[Fence],
        journal: Journal,
        watch: Watch,
        progress: Progress,
        done: Collection[str] = (),
        stop_asked: Callable[[], StopAsked | None] = lambda: None,
    ) -> None:
        self._plan = plan
        self._runner = StepRunner(
            plan.steps,
            digest,
            drivers=drivers,
            fences=fences,
            journal=journal,
            progress=progress,
            done=done,
            stop_asked=stop_asked,
        )
        self._journal = journal
        self._watch = watch
        self._progress = self._runner.progress
        self._latest: Sight | None = None
        self._looking, self._looked_at = 0, float("-inf")
        self._over = False
        self.stop = self._runner.stop

    async def apply(self) -> Receipt:
        """Carry out the plan. Whatever happens, the last record of the journal says how it ended.

        Raises:
            MachineError: the journal cannot be written; the error says what was done and what may
                still be running.
        """
        beside = [asyncio.create_task(self._sample()), asyncio.create_task(self._runner.listen())]
        try:
            state, message = await self._stages()
            self._over = True
            self._runner.record(RunEnded(state=state, message=message))
        except MachineError as error:
            raise self._unrecorded(error) from error
        except BaseException as error:
            # A second Ctrl-C, or a bug: the journal is complete nevertheless.
            self._over = True
            with contextlib.suppress(MachineError):
                self._journal.append(RunEnded(state="unknown", message=said_of(error)))
            raise
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        return self._receipt(RunState(state), message)

    async def _stages(self) -> tuple[RunEnd, str]:
        seen: Severity | None = None
        for stage in self._stages_left():
            if self.stop.is_set():
                break
            self._progress.stage_began(stage)
            # The last look after a stage is the one before the next: nothing was done in between.
            before = seen if seen is not None else await self._severity()
            bad = await self._runner.carry_out(stage.steps)
            if self.stop.is_set():
                break
            if bad:
                step, ending = bad[0]
                return "stopped", f"{step.target}: {ending.state}: {ending.message}"
            verdict, seen = await self._wait_for(stage)
            if self.stop.is_set():
                break
            if not verdict.open:
                return "stopped", f"the gate did not open: {stage.gate.title}; {verdict.seen}"
            worse, seen = await self._regressions(stage, before, seen)
            if worse:
                return "stopped", worse
        else:
            return "running", "all stages are done; the checks decide"
        return "aborted", self._runner.stopped_by

    async def _severity(self) -> Severity:
        """How bad things are now, as far as a look shows it."""
        with contextlib.suppress(_UnseenError):
            return severity_of((await self._look(LOOK_LIMIT_S)).sight)
        return UNSEEN

    async def _regressions(
        self, stage: Stage, before: Severity, after: Severity
    ) -> tuple[str, Severity]:
        """What the stage was followed by beyond what it declared, in one sentence with what undoes
        its steps; "" if nothing, or if no stage follows; and how bad things are then. `after` is
        what the look shows that opened the gate. One bad look is not believed."""
        end = time.monotonic() + SETTLE_S
        while stage is not self._plan.stages[-1] and not self.stop.is_set():
            found = list(regressions(stage, before, after))
            if not found:
                break
            if time.monotonic() >= end:
                undo = "; ".join(f"{step.target}: {step.undo}" for step in stage.steps)
                return (
                    f"stage {stage.number} was followed by more than it declared: "
                    f"{'; '.join(found)}. What was done is undone by: {undo}"
                ), after
            await asyncio.sleep(GATE_LOOK_S)
            after = await self._severity()
        return "", after

    def _stages_left(self) -> Sequence[Stage]:
        """All stages from the first that has a step left, and the one before."""
        stages = self._plan.stages
        first = next(
            (i for i, stage in enumerate(stages) if self._runner.left(stage.steps)), len(stages)
        )
        return stages[max(0, first - 1) :]

    async def _wait_for(self, stage: Stage) -> tuple[GateVerdict, Severity]:
        """Look until the stage's gate opens, cannot open any more, or reaches its time limit, or a
        person stops the run; and how bad things are by the last look. Where that fails, for one
        because its time is over, the one before is told, too."""
        gate = stage.gate
        self._runner.record(GateWaiting(stage=stage.number, title=gate.title))
        end = time.monotonic() + gate.timeout_s
        verdict, severity = GateVerdict(open=False, seen="nothing was seen"), UNSEEN
        told, hopeful = "", time.monotonic()
        while not verdict.open and not self.stop.is_set() and time.monotonic() < end:
            try:
                look = await self._look(min(LOOK_LIMIT_S, end - time.monotonic()))
                verdict, severity = self._judged(gate, look), severity_of(look.sight)
                told = f"; before that: {verdict.seen}"
            except _UnseenError as unseen:
                verdict = GateVerdict(open=False, seen=f"{unseen}{told}")
            log.debug("gate %s: open %s: %s", gate.title, verdict.open, verdict.seen)
            if not verdict.hopeless:
                hopeful = time.monotonic()
            elif time.monotonic() >= hopeful + HOPELESS_S:
                seen = f"{verdict.seen}; waiting longer cannot help: {verdict.hopeless}"
                verdict = verdict._replace(seen=seen)
                break
            if not verdict.open:
                await asyncio.sleep(GATE_LOOK_S)
        log.info("gate %s: open %s: %s", gate.title, verdict.open, verdict.seen)
        self._runner.record(
            GateEnded(
                stage=stage.number,
                state="opened" if verdict.open else "shut",
                title=gate.title,
                seen=verdict.seen,
            )
        )
        return verdict, severity

    def _judged(self, gate: Gate, look: Look) -> GateVerdict:
        """Judge the gate by one look. A judgement that fails leaves it shut."""
        try:
            verdict = look.judge(gate)
        except Exception as error:  # noqa: BLE001 - looking is not acting
            return GateVerdict(open=False, seen=f"the gate could not be judged: {said_of(error)}")
        self._progress.gate_is(gate, verdict)
        return verdict

    async def _sample(self) -> None:
        """Look where nobody else does or just did: looks at the same time delay each other."""
        while not self._over:
            if not self._looking and time.monotonic() >= self._looked_at + SAMPLE_S:
                with contextlib.suppress(_UnseenError):
                    await self._look(LOOK_LIMIT_S)
            await asyncio.sleep(GATE_LOOK_S)

    async def _look(self, limit_s: float) -> Look:
        """Look once, and write and show what changed.

        Raises:
            MachineError: the journal cannot be written.
            _UnseenError: the look failed, for whatever reason.
        """
        self._looking += 1
        try:
            async with asyncio.timeout(limit_s):
                look = await self._watch()
            sight = look.sight
        except Exception as error:
            log.info("nothing seen within %.1f s: %s", limit_s, said_of(error))
            raise _UnseenError(f"could not look: {said_of(error)}") from error
        finally:
            self._looking, self._looked_at = self._looking - 1, time.monotonic()
        if self._over:
            raise _UnseenError("the run has ended")
        if sight != self._latest:
            self._latest = sight
            self._runner.record(Sampled(sight=sight))
        self._progress.sampled(sight)
        return look

    def _receipt(self, state: RunState, message: str) -> Receipt:
        return Receipt(state=state, message=message, steps=self._runner.statuses)

    def _unrecorded(self, error: MachineError) -> MachineError:
        """The receipt as an error, since the journal is incomplete."""
        receipt = self._receipt(RunState.STOPPED, error.what)
        return MachineError(
            "the journal cannot be written: nothing more was started",
            guard="journal before the act",
            got=f"{error.got}; {receipt.summary()}",
            expected="room for the record of every step",
            next_step=f"{error.next_step}, then `remediate diagnose` and a new plan",
        )
