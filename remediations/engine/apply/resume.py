"""Takes up a run that did not get through: settles what nobody saw end, and goes on from there.

1. This must be the version that planned it, names must lead where they led then, and the plan must
   follow from its own observation, as when it was begun.
2. The resources are held under a new number, also where the controller that was lost still holds
   them: should it wake, it can start nothing more (`fence.py`).
3. No target may have a record of a step that this journal does not know: somebody went on with the
   run elsewhere, whose directory is newer.
4. Each step that was announced and has no known end is settled by the record of its target. One
   that never started is launched again; its name is claimed there, so it happens at most once.
5. Where a step failed, the run ends.
6. What decided the actions on targets to which nothing was done yet is read again and must hold;
   of the others each step checks on the target what it needs, since the run itself changed them.
7. The gate before the first stage with something left must open again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime

from remediations.engine.apply.application import Application
from remediations.engine.apply.apply import (
    Approved,
    OnStop,
    check_names,
    describe_start,
    drivers_of,
    fences_of,
    read_again,
)
from remediations.engine.apply.driver import Driver
from remediations.engine.apply.fence_hold import HeldFences, hold_fences
from remediations.engine.apply.lost_at_end import finish_lost
from remediations.engine.apply.progress import Progress
from remediations.engine.apply.receipt import Receipt, ended
from remediations.engine.apply.settle import recorded_steps, settle
from remediations.engine.plan.plan import Step
from remediations.engine.plan.recheck import recheck_untouched
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import (
    FactsHeld,
    JournalEntry,
    RunEnded,
    RunResumed,
    RunState,
    StepState,
)
from remediations.engine.runs.resumption import check_resumable, untouched_targets
from remediations.engine.runs.status import OPEN, StepStatus, run_status, step_states
from remediations.engine.runs.store import RunDirectory
from remediations.errors import Refused, RemediationError
from remediations.reach.background import run_in_thread
from remediations.reach.ssh import SshReach

NOT_DONE = (StepState.FAILED, StepState.VOIDED, StepState.UNKNOWN)
"""The states of a step after which nothing may go on."""


async def resume_run(
    run: RunDirectory, approved: Approved, *, progress: Progress, on_stop: OnStop
) -> Receipt:
    """Go on with a run that was begun, by the rules above. Its journal goes on, too.

    Raises:
        UsageError, Refused: there is nothing to resume, or it may not be (`check_resumable`).
        Locked: another process writes the journal, or another plan holds one of the resources.
        WorldChanged: a name leads elsewhere, or what decides what is left does not hold any more.
        Unreadable: a host that decides cannot be read.
    """
    plan = approved.plan
    with closing(Journal.reopened(run.journal)) as journal:
        entries = read_journal(run.journal)
        status = run_status(plan, entries, hindrance="", alive=False)
        check_resumable(
            run.reference,
            entries,
            status,
            now=datetime.now(UTC),
            limit_s=approved.inventory.resume_within_s,
        )
        check_version(run, approved)
        async with SshReach(approved.inventory, approved.resolver) as reach:
            await check_names(approved, reach)
            if status.holds:
                all_done = RunState.RUNNING
                request = fences_of(run, approved, reach, again=True)
                return await finish_lost(
                    entries, journal, request, status, state=all_done, steps=plan.steps
                )
            async with hold_fences(fences_of(run, approved, reach, again=True)) as held:
                return await _go_on(
                    run,
                    approved,
                    entries,
                    reach=reach,
                    held=held,
                    journal=journal,
                    progress=progress,
                    on_stop=on_stop,
                )


async def _go_on(
    run: RunDirectory,
    approved: Approved,
    entries: Sequence[JournalEntry],
    *,
    reach: SshReach,
    held: HeldFences,
    journal: Journal,
    progress: Progress,
    on_stop: OnStop,
) -> Receipt:
    """Settle, check what is left, and carry it out."""
    plan = approved.plan
    drivers = drivers_of(approved.systems, reach)
    await check_newest(run, approved, entries, drivers)
    journal.append(RunResumed(message=describe_start(approved.start), start=approved.start))
    held.record_in(journal)
    states = await settle_unseen(
        approved.digest, plan.steps, step_states(entries), drivers, held, journal
    )
    bad = [step for step in plan.steps if states.get(step.id) in NOT_DONE]
    if bad:
        message = f"{bad[0].target}: step {bad[0].id} is {states[bad[0].id]}"
        return _stop_here(approved, states, journal, message)
    await _recheck_rest(approved, entries, reach, journal)
    run.forget_stop()
    application = Application(
        plan,
        approved.digest,
        drivers=drivers,
        fences=held.fences,
        journal=journal,
        watch=approved.installed.domain.watch(plan, reach),
        progress=progress,
        done=frozenset(states),
        stop_asked=run.stop_asked,
    )
    with on_stop(application.stop.set):
        return await application.apply()


def check_version(run: RunDirectory, approved: Approved) -> None:
    """Check that this is the version that planned the run, before anything is written: another one
    cannot make the plan again, and its refusal would end the run.

    Raises:
        Refused: the tool, or the package of the playbook, is another one.
    """
    plan, tool = approved.plan, approved.start.tool
    if (tool, approved.origin) == (plan.tool, plan.origin):
        return
    raise Refused(
        f"{run.reference} was planned by another version. Nothing was changed",
        guard="version of the plan",
        got=f"{tool} with {approved.origin}",
        expected=f"{plan.tool} with {plan.origin}",
        next_step=f"resume it with that version; or `remediate abandon {run.reference} --reason "
        "WHY`, `remediate diagnose` and a new plan",
    )


async def check_newest(
    run: RunDirectory,
    approved: Approved,
    entries: Sequence[JournalEntry],
    drivers: Mapping[str, Driver],
) -> None:
    """Check that nobody has gone on with the run from another copy of its directory.

    Raises:
        Refused: a target has a record of a step that the journal does not know.
    """
    known, plan = step_states(entries), approved.plan
    unknown = [step for step in (*plan.steps, *plan.undo_steps) if step.id not in known]
    found = await recorded_steps(approved.digest, unknown, drivers)
    if found:
        raise Refused(
            f"{run.reference} went on elsewhere: this directory is not its newest one",
            guard="newest directory of the run",
            got="; ".join(f"{s.target} has a record of step {s.id}" for s in found),
            expected="targets that know no more than the journal here",
            next_step="`remediate status` where it went on; without that directory `remediate "
            "diagnose` and a new plan",
        )


async def settle_unseen(
    digest: str,
    steps: Iterable[Step],
    before: Mapping[str, StepState],
    drivers: Mapping[str, Driver],
    held: HeldFences,
    journal: Journal,
) -> dict[str, StepState]:
    """The state of each step that has started, after the targets were asked about those of `steps`
    whose end nobody saw. What they say is written to the journal. `before` are the states that it
    had."""
    states = dict(before)
    unseen = [step for step in steps if states.get(step.id) in OPEN]
    settled = await settle(digest, unseen, drivers, held.fences)
    for step, ending in settled.items():
        if ending is None:
            del states[step]
        else:
            states[step] = StepState(ending.state)
            journal.append(ended(step, ending, duration_ms=0))
    return states


async def _recheck_rest(
    approved: Approved, entries: Sequence[JournalEntry], reach: SshReach, journal: Journal
) -> None:
    """Check what decides on the targets to which nothing was done yet. A refusal ends the run, and
    is in its journal."""
    targets = untouched_targets(approved.plan, entries)
    try:
        async with read_again(approved, reach) as (fresh, maker):
            count = await run_in_thread(recheck_untouched, approved.plan, fresh, maker, targets)
    except RemediationError as error:
        journal.append(RunEnded(state="stopped", message=f"{error.what}: {error.got}"))
        raise
    journal.append(FactsHeld(count=count))


def _stop_here(
    approved: Approved, states: Mapping[str, StepState], journal: Journal, message: str
) -> Receipt:
    """The end of a run of which a step failed meanwhile, or is still unknown."""
    journal.append(RunEnded(state="stopped", message=message))
    steps = tuple(
        StepStatus(step.id, step.target, states.get(step.id, StepState.PLANNED))
        for step in approved.plan.steps
    )
    return Receipt(state=RunState.STOPPED, message=message, steps=steps)
