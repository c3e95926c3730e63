"""Whether a run may be undone, and what of it has to be. Pure.

The plan has the steps for it, so they were approved with it: nothing else is ever done, and no
approval is needed at night. A run is undone where it did not come to its goal. What a verified run
did is what people wanted; to take that back is a plan of its own, from what is true by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from remediations.engine.plan.plan import Plan, StageToUndo
from remediations.engine.runs.records import JournalEntry, RunState, StepState
from remediations.engine.runs.resumption import check_age
from remediations.engine.runs.status import RunStatus, step_states
from remediations.errors import Refused, UsageError

UNDOABLE = (RunState.UNKNOWN, RunState.STOPPED, RunState.ABORTED, RunState.UNVERIFIED)
"""The states of a run that did something, and did not come to its goal."""
BEGUN = (StepState.STARTED, StepState.DONE, StepState.FAILED, StepState.UNKNOWN)
"""The states of a step that has, or may have, done something."""
A_NEW_PLAN = "`remediate diagnose` and a new plan: it goes on from what is true now"


def check_undoable(
    reference: str,
    plan: Plan,
    entries: Sequence[JournalEntry],
    status: RunStatus,
    *,
    now: datetime,
    limit_s: int,
) -> None:
    """Check that a run that was begun may be undone.

    Raises:
        UsageError: it came to its goal, or ended for good otherwise.
        Refused: its plan has no way back, a step of that can never be done, or it was begun too
            long ago.
    """
    lost_at_the_end = status.state is RunState.UNDONE and status.holds
    if status.state not in UNDOABLE and not lost_at_the_end:
        raise UsageError(
            f"{reference} is {status.state}: it is not undone",
            guard="an open run",
            got=status.message,
            expected="a run that did not come to its goal, and that nobody applies",
            next_step=f"`remediate status {reference}`; to take back what it did, "
            "`remediate diagnose` and a new plan",
        )
    if not plan.undo_steps:
        raise Refused(
            f"{reference} has nothing that could be undone by a step",
            guard="a way back in the plan",
            got=f"{plan.playbook} / {plan.branch}, whose actions none takes back",
            expected="a plan that shows what `remediate undo` does",
            next_step=f"`remediate abandon {reference} --reason WHY` says how each target is left, "
            f"and what a person may do; or {A_NEW_PLAN}",
        )
    states = step_states(entries)
    lost = [
        step
        for step in plan.undo_steps
        if states.get(step.id) in (StepState.FAILED, StepState.VOIDED)
    ]
    if lost:
        raise Refused(
            f"{reference} cannot be undone any further: step {lost[0].id} on {lost[0].target} is "
            f"{states[lost[0].id]}",
            guard="a step happens at most once",
            got="; ".join(f"step {s.id} on {s.target}: {states[s.id]}" for s in lost),
            expected="steps that are done, or that never started",
            next_step=A_NEW_PLAN,
        )
    check_age(reference, entries, "undone", now=now, limit_s=limit_s)


def stages_to_undo(plan: Plan, states: Mapping[str, StepState]) -> tuple[StageToUndo, ...]:
    """What may have to be taken back, the newest stage first: all whose steps have begun. Whether
    their effect is there, the targets say."""
    found = (
        StageToUndo(
            stage,
            tuple(
                undo
                for undo in stage.undo
                if any(states.get(step) in BEGUN for step in undo.undoes)
            ),
        )
        for stage in reversed(plan.stages)
    )
    return tuple(one for one in found if one.undo)
