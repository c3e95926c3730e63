"""A run whose process was lost behind its last step: what it still holds is given back.

Nothing of it is left to do, so nothing is settled or started; but its targets let nobody else
change the resources until then (`held_fences`). The process may also have been lost between giving
them back and recording that, or somebody has stolen them since: then there is a record to write,
and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

from remediations.engine.apply.fence import Answers, current_holder, fence_refusal, is_majority
from remediations.engine.apply.fence_hold import (
    FenceRequest,
    give_back_lost,
    read_fences,
    steal_command,
)
from remediations.engine.apply.receipt import Receipt
from remediations.engine.plan.plan import Step
from remediations.engine.runs.journal import Journal
from remediations.engine.runs.records import FenceGiven, FenceTaken, JournalEntry, RunState
from remediations.engine.runs.status import RunStatus, held_fences


async def finish_lost(
    entries: tuple[JournalEntry, ...],
    journal: Journal,
    request: FenceRequest,
    status: RunStatus,
    *,
    state: RunState,
    steps: Iterable[Step],
) -> Receipt:
    """Give back what the run of these entries holds by its journal, and record it. The receipt has
    this state, and those of the `steps` that were begun.

    Raises:
        Locked: too few targets answered to know that nobody is kept away any more.
        MachineError: the journal cannot be written.
    """
    given = {
        (one.resource, one.number): one.hosts for one in await give_back_lost(request, entries)
    }
    for fence in held_fences(entries):
        answers = await read_fences(request.voters, fence.resource)
        if not _is_free(fence, answers):
            steal = steal_command(fence.resource)
            raise fence_refusal(fence.resource, answers, {}, request.targets, steal=steal)
        key = (fence.resource, fence.number)
        journal.append(FenceGiven(resource=key[0], number=key[1], hosts=given.get(key, ())))
    wanted = {step.id for step in steps}
    shown = tuple(step for step in status.steps if step.step in wanted)
    return Receipt(state=state, message=status.message, steps=shown)


def _is_free(fence: FenceTaken, answers: Answers) -> bool:
    """Whether most targets answered, and nobody holds the resource under this number."""
    holder = current_holder(answers)
    answered = sum(found is not None for found in answers.values())
    over = holder is None or holder.number > fence.number
    return over and is_majority(answered, len(answers))
