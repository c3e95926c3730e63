"""Looks at the readers of a plan, each from its own host."""

from __future__ import annotations

from remediations.engine.apply.look import Watch
from remediations.engine.plan.plan import Plan
from remediations.playbooks.keys.key_file_gates import ReadersBefore, ReadersLook
from remediations.reach.connection import Reach
from remediations.systems.keyfile.poll import poll_readers


def watch_readers(plan: Plan, reach: Reach) -> Watch:
    """A look at all readers at once."""
    before = plan.part(ReadersBefore)

    async def look() -> ReadersLook:
        return ReadersLook(before=before, polls=await poll_readers(reach, before.targets))

    return look
