"""Whether a run that did not get through may be taken up again. Pure.

A run is resumed where its end was not seen, or where it was stopped before all was done; and where
its process was lost after the last step, before it gave back what it held. It is not where a step
failed or was voided: the target has recorded that, and does a step of a plan once. The approvals
are those with which it was begun, so they must have been valid then; how long they carry is limited
by the inventory.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from remediations.engine.plan.plan import Plan
from remediations.engine.runs.records import JournalEntry, RunState, StepState, UndoBegan
from remediations.engine.runs.status import RunStatus, last_event, step_states
from remediations.errors import Refused, UsageError
from remediations.render.formats import format_moment

RESUMABLE = (RunState.UNKNOWN, RunState.STOPPED, RunState.ABORTED)
"""The states of a run that may have something left to do."""
ALL_DONE = (RunState.UNVERIFIED, RunState.VERIFIED)


def undo_words(reference: str) -> str:
    """The command that takes a run back."""
    return f"remediate undo {reference} --reason WHY"


def check_begun(reference: str, entries: Sequence[JournalEntry], verb: str) -> None:
    """Check that a run has a journal.

    Raises:
        UsageError: it was not begun.
    """
    if entries:
        return
    raise UsageError(
        f"{reference} was not begun: there is nothing to {verb}",
        guard="journal",
        got="none",
        expected="a run that was begun",
        next_step=f"remediate status {reference}",
    )


def check_resumable(
    reference: str,
    entries: Sequence[JournalEntry],
    status: RunStatus,
    *,
    now: datetime,
    limit_s: int,
) -> None:
    """Check that a run that was begun may be resumed.

    Raises:
        UsageError: all was done, or it was abandoned.
        Refused: a step of it can never be done, or it was begun too long ago.
    """
    lost_at_the_end = status.state in ALL_DONE and status.holds
    if status.state not in RESUMABLE and not lost_at_the_end:
        raise UsageError(
            f"{reference} is {status.state}: there is nothing to resume",
            guard="an open run",
            got=status.message,
            expected="a run that stopped before all was done, or whose process died",
            next_step=f"remediate status {reference}"
            if status.state is RunState.ABANDONED
            else f"remediate verify {reference}",
        )
    if last_event(entries, UndoBegan) is not None:
        raise Refused(
            f"{reference} is being undone: it does not go on",
            guard="one direction",
            got=f"`remediate undo` was begun, and the run is {status.state}",
            expected="a run that nobody has begun to undo",
            next_step=f"`{undo_words(reference)}` goes on with that; or `remediate diagnose` and "
            "a new plan",
        )
    lost = [step for step in status.steps if step.state in (StepState.FAILED, StepState.VOIDED)]
    if lost:
        raise Refused(
            f"{reference} cannot be resumed: {lost[0]} is {lost[0].state}",
            guard="a step happens at most once",
            got="; ".join(f"{step}: {step.state}" for step in lost),
            expected="steps that are done, or that never started",
            next_step="`remediate diagnose` and a new plan: it goes on from what is true now",
        )
    check_age(reference, entries, "resumed", now=now, limit_s=limit_s)


def check_age(
    reference: str, entries: Sequence[JournalEntry], done: str, *, now: datetime, limit_s: int
) -> None:
    """Check that the approvals with which a run was begun still carry what is done to it.

    Raises:
        Refused: it was begun too long ago.
    """
    age = now - entries[0].at
    if age <= timedelta(seconds=limit_s):
        return
    raise Refused(
        f"{reference} was begun too long ago to be {done}",
        guard="resume limit",
        got=f"begun {format_moment(entries[0].at)}, {int(age.total_seconds())} s ago",
        expected=f"at most {limit_s} s, by `resume_within_seconds` of the inventory",
        next_step="`remediate diagnose` and a new plan: it goes on from what is true now",
    )


def untouched_targets(plan: Plan, entries: Sequence[JournalEntry]) -> frozenset[str]:
    """The targets with something left to do to which nothing was done yet."""
    begun = step_states(entries)
    touched = {step.target for step in plan.steps if step.id in begun}
    return frozenset(plan.targets) - touched
