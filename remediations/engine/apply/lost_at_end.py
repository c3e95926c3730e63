"""A run whose process was lost behind its last step: what it still holds is given back.

Nothing of it is left to do, so nothing is settled or started; but its targets let nobody else
change the resources until then (`held_fences`).
"""

from __future__ import annotations

from collections.abc import Iterable

from remediations.engine.apply.apply import Approved, fences_of
from remediations.engine.apply.fence_hold import give_back_lost
from remediations.engine.apply.receipt import Receipt
from remediations.engine.plan.plan import Step
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import RunState
from remediations.engine.runs.status import RunStatus
from remediations.engine.runs.store import RunDirectory
from remediations.reach.ssh import SshReach


async def finish_lost(
    run: RunDirectory,
    approved: Approved,
    reach: SshReach,
    journal: Journal,
    status: RunStatus,
    *,
    state: RunState,
    steps: Iterable[Step],
) -> Receipt:
    """Give back what the run of this `status` holds, and record it. The receipt has this state, and
    those of the `steps` that were begun.

    Raises:
        MachineError: the journal cannot be written.
    """
    request = fences_of(run, approved, reach, again=True)
    for given in await give_back_lost(request, read_journal(run.journal)):
        journal.append(given)
    wanted = {step.id for step in steps}
    shown = tuple(step for step in status.steps if step.step in wanted)
    return Receipt(state=state, message=status.message, steps=shown)
