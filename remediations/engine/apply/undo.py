"""Takes back what a run did, by the steps that were planned and approved for it.

1. Names, observation and newest directory are checked, and the resources held under a new number,
   as when a run is resumed (`resume.py`).
2. Nothing of the run starts any more: what has not started is voided on its target, and what nobody
   saw end is settled by its record there. Where a step still runs, nothing is undone yet.
3. Of every action that is done its target is asked whether the effect is still there. Where it is
   not, there is nothing to undo. Where that cannot be determined, nothing is undone. What failed,
   or was not seen to end, may have done half of it: that is taken back without asking.
4. The guards of what takes it back, and those of the whole, must pass in what is read then. What
   takes it back is an action like any other: it may start what must not run.
5. The newest stage is taken back first, and each before the next is begun. A step that is not done
   ends it. Each happens at most once, as any step.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime

from msgspec.structs import replace

from remediations.engine.apply.apply import (
    Approved,
    OnStop,
    check_names,
    describe_start,
    drivers_of,
    fences_of,
    read_again,
)
from remediations.engine.apply.driver import Driver, NoAnswer
from remediations.engine.apply.fence_hold import HeldFences, hold_fences
from remediations.engine.apply.lost_at_end import finish_lost
from remediations.engine.apply.progress import Progress
from remediations.engine.apply.receipt import Receipt
from remediations.engine.apply.resume import check_newest, settle_unseen
from remediations.engine.apply.settle import StopOutcome, stop_steps
from remediations.engine.apply.steps import STOP_PATIENCE_S, StepRunner, said_of
from remediations.engine.apply.stop import record_of
from remediations.engine.plan.plan import StageToUndo, Step
from remediations.engine.plan.recheck import recheck_undo
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import (
    FactsHeld,
    JournalEntry,
    NothingToUndo,
    RunEnd,
    RunEnded,
    RunState,
    StepState,
    UndoBegan,
)
from remediations.engine.runs.status import run_status, step_states
from remediations.engine.runs.store import RunDirectory
from remediations.engine.runs.undoing import BEGUN, check_undoable, stages_to_undo
from remediations.errors import MachineError, RemediationError
from remediations.reach.background import run_in_thread
from remediations.reach.ssh import SshReach


class _HinderedError(Exception):
    """Something stands against undoing the run now. Nothing more was changed."""


async def undo_run(
    run: RunDirectory, approved: Approved, reason: str, *, progress: Progress, on_stop: OnStop
) -> Receipt:
    """Take back what a run did, by the rules above. Its journal goes on.

    Raises:
        UsageError, Refused: there is nothing to undo, or it may not be (`check_undoable`).
        Locked: another process writes the journal, or another plan holds one of the resources.
        WorldChanged: a name leads elsewhere, or a guard does not pass.
        Unreadable: a host that decides cannot be read.
        MachineError: the journal cannot be written.
    """
    plan = approved.plan
    with closing(Journal.reopened(run.journal)) as journal:
        entries = read_journal(run.journal)
        status = run_status(plan, entries, hindrance="", alive=False)
        check_undoable(
            run.reference,
            plan,
            entries,
            status,
            now=datetime.now(UTC),
            limit_s=approved.inventory.resume_within_s,
        )
        async with SshReach(approved.inventory, approved.resolver) as reach:
            await check_names(approved, reach)
            if status.state is RunState.UNDONE:
                request = fences_of(run, approved, reach, again=True)
                return await finish_lost(
                    entries, journal, request, status, state=status.state, steps=plan.undo_steps
                )
            async with hold_fences(fences_of(run, approved, reach, again=True)) as held:
                drivers = drivers_of(approved.systems, reach)
                await check_newest(run, approved, entries, drivers)
                run.forget_stop()
                start = approved.start
                journal.append(UndoBegan(message=describe_start(start), start=start, reason=reason))
                held.record_in(journal)
                undoing = Undoing(run, approved, drivers, held, journal, progress)
                with on_stop(undoing.stop.set):
                    return await undoing.undo(entries, reach)


class Undoing:
    """One attempt to take a run back, under the fences that it holds. `stop` may be set at any
    time, from the same event loop."""

    def __init__(
        self,
        run: RunDirectory,
        approved: Approved,
        drivers: Mapping[str, Driver],
        held: HeldFences,
        journal: Journal,
        progress: Progress,
    ) -> None:
        self._approved = approved
        self._drivers = drivers
        self._held = held
        self._journal = journal
        self._runner = StepRunner(
            approved.plan.undo_steps,
            approved.digest,
            drivers=drivers,
            fences=held.fences,
            journal=journal,
            progress=progress,
            stop_asked=run.stop_asked,
        )
        self.stop = self._runner.stop

    async def undo(self, entries: Sequence[JournalEntry], reach: SshReach) -> Receipt:
        """Take back what has to be. Whatever happens, the last record says how it ended.

        Raises:
            WorldChanged, Unreadable: a guard does not pass, or a host cannot be read.
            MachineError: the journal cannot be written.
        """
        listening = asyncio.create_task(self._runner.listen())
        try:
            state, message = await self._undo(entries, reach)
            self._journal.append(RunEnded(state=state, message=message))
        except _HinderedError as hindrance:
            state, message = "stopped", str(hindrance)
            self._journal.append(RunEnded(state=state, message=message))
        except RemediationError as error:
            with contextlib.suppress(MachineError):
                self._journal.append(
                    RunEnded(state="stopped", message=f"{error.what}: {error.got}")
                )
            raise
        except BaseException as error:
            # A second Ctrl-C, or a bug: the journal is complete nevertheless.
            with contextlib.suppress(MachineError):
                self._journal.append(RunEnded(state="unknown", message=said_of(error)))
            raise
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        return Receipt(state=RunState(state), message=message, steps=self._runner.statuses)

    async def _undo(self, entries: Sequence[JournalEntry], reach: SshReach) -> tuple[RunEnd, str]:
        plan = self._approved.plan
        states = await self._nothing_more_starts(step_states(entries))
        needed = await self._needed(stages_to_undo(plan, states), states)
        await self._check_guards(needed, reach)
        for stage, those in needed:
            if self.stop.is_set():
                break
            self._runner.progress.stage_began(replace(stage, title=f"undo: {stage.title}"))
            bad = await self._runner.carry_out([step for undo in those for step in undo.steps])
            if self.stop.is_set():
                break
            if bad:
                step, ending = bad[0]
                return "stopped", f"{step.target}: {ending.state}: {ending.message}"
        else:
            return "undone", "what the plan takes back was taken back, where it was there"
        return "aborted", self._runner.stopped_by

    async def _nothing_more_starts(self, before: Mapping[str, StepState]) -> dict[str, StepState]:
        """The states of all steps, after those of the run itself can start no more, and the ends of
        those that take it back were settled.

        Raises:
            _HinderedError: one still runs, or its target does not answer.
        """
        plan, digest = self._approved.plan, self._approved.digest
        known = (StepState.DONE, StepState.FAILED, StepState.VOIDED)
        left = [step for step in plan.steps if before.get(step.id) not in known]
        states = dict(before)
        for one in await stop_steps(digest, left, self._drivers, patience_s=STOP_PATIENCE_S):
            event = record_of(one, before.get(one.step.id))
            if event is not None:
                self._journal.append(event)
            if one.outcome in (StopOutcome.RUNNING, StopOutcome.SILENT):
                where = f"step {one.step.id} on {one.step.target}"
                raise _HinderedError(f"nothing was undone: {where} {one.outcome}: {one.message}")
            ended = StepState(one.ending.state) if one.ending else StepState.VOIDED
            states[one.step.id] = ended
        states = await settle_unseen(
            digest, plan.undo_steps, states, self._drivers, self._held, self._journal
        )
        bad = [s for s in plan.undo_steps if states.get(s.id, StepState.DONE) is not StepState.DONE]
        if bad:
            raise _HinderedError(f"{bad[0].target}: step {bad[0].id} is {states[bad[0].id]}")
        self._runner.mark_done(step.id for step in plan.undo_steps if step.id in states)
        return states

    async def _needed(
        self, stages: Sequence[StageToUndo], states: Mapping[str, StepState]
    ) -> tuple[StageToUndo, ...]:
        """What of these has an effect that is there, and was not taken back by an earlier attempt.

        Raises:
            _HinderedError: a target cannot say.
        """
        by_id = {step.id: step for step in self._approved.plan.steps}
        found = []
        for stage, those in stages:
            open_ = [u for u in those if any(states.get(s.id) is None for s in u.steps)]
            begun = [
                {by_id[name]: states[name] for name in undo.undoes if states.get(name) in BEGUN}
                for undo in open_
            ]
            there = await asyncio.gather(*map(self._there, begun))
            for undo, holds in zip(open_, there, strict=True):
                if not holds:
                    target = undo.steps[0].target
                    self._journal.append(NothingToUndo(steps=undo.undoes, target=target))
            left = tuple(undo for undo, holds in zip(open_, there, strict=True) if holds)
            if left:
                found.append(StageToUndo(stage, left))
        return tuple(found)

    async def _there(self, steps: Mapping[Step, StepState]) -> bool:
        """Whether the effect of one of them is, or may be, there.

        Raises:
            _HinderedError: the target cannot say.
        """
        if any(state is not StepState.DONE for state in steps.values()):
            return True
        for step in steps:
            try:
                if await self._drivers[step.driver].holds(step):
                    return True
            except NoAnswer as silence:
                raise _HinderedError(
                    f"nothing was undone: whether the effect of step {step.id} is there is not "
                    f"known: {silence.what}: {silence.got}"
                ) from silence
        return False

    async def _check_guards(self, needed: Sequence[StageToUndo], reach: SshReach) -> None:
        """Check that what takes it back may be done now.

        Raises:
            WorldChanged: a guard does not pass. Unreadable: a host cannot be read.
        """
        if not needed:
            return
        plan = self._approved.plan
        async with read_again(self._approved, reach) as (fresh, maker):
            count = await run_in_thread(recheck_undo, plan, fresh, maker, needed)
        self._journal.append(FactsHeld(count=count))
