"""Looks at the jobs of a plan, by what they have written on this machine."""

from __future__ import annotations

from pathlib import Path

from remediations.engine.apply.look import Watch
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.errors import RemediationError
from remediations.playbooks.keys.reencryption_gates import JobNow, JobsLook
from remediations.reach.background import run_in_thread
from remediations.reach.connection import Reach
from remediations.systems.stores.inventory import stores_of
from remediations.systems.stores.job_directory import jobs_in
from remediations.systems.stores.job_steps import DRIVER_NAME, RESEAL, JobOrder
from remediations.values.inventory import Inventory


def watch_jobs(plan: Plan, reach: Reach) -> Watch:
    """A look at all jobs of the plan.

    Raises (the look):
        RemediationError: the inventory does not say who seals anew, or a file cannot be read.
    """
    inventory = getattr(reach, "inventory", None)
    assert isinstance(inventory, Inventory), "connections know their inventory"
    entry = stores_of(inventory).reencrypt
    digest = plan_digest(plan)

    def read() -> JobsLook:
        if entry is None:
            raise RemediationError(
                "nobody seals anew here",
                guard="inventory",
                got="no `stores.reencrypt`",
                expected="the section, as when the plan was made",
                next_step="apply with the inventory of the plan",
            )
        jobs = jobs_in(Path(entry.directory))
        found = []
        for step in plan.steps:
            if step.driver != DRIVER_NAME:
                continue
            order, job = JobOrder.parse(step.payload), jobs.named(digest, step.id)
            found.append(
                JobNow(
                    store=order.store,
                    count=order.count,
                    seals=order.deploy == RESEAL,
                    progress=job.progress,
                    result=job.result,
                )
            )
        return JobsLook(jobs=tuple(found))

    async def look() -> JobsLook:
        return await run_in_thread(read)

    return look
