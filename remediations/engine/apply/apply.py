"""From an approved plan to its receipt: read again, compare, take the resources, carry out.

All that was verified is passed in one value (`Approved`) and is not read again.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import UTC, datetime

from remediations.engine.apply.application import Application, Receipt
from remediations.engine.apply.fence_hold import fence_request, hold_fences
from remediations.engine.apply.progress import Progress
from remediations.engine.catalogue import Installed
from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.observation import Observation, Scope
from remediations.engine.observe.observe import observe
from remediations.engine.plan.build import PlanBuilder
from remediations.engine.plan.compare import changed_logins
from remediations.engine.plan.plan import Plan
from remediations.engine.plan.recheck import check_derivation, recheck, world_changed
from remediations.engine.runs.journal import Journal
from remediations.engine.runs.records import JOURNAL_FORMAT, Actor, FactsHeld, RunBegan, Start
from remediations.engine.runs.store import RunDirectory
from remediations.errors import Locked
from remediations.reach.background import run_in_thread
from remediations.reach.resolver import SshResolver
from remediations.reach.ssh import SshReach
from remediations.render.formats import format_moment
from remediations.values.inventory import Inventory
from remediations.values.origin import Origin

OnStop = Callable[[Callable[[], None]], AbstractContextManager[None]]
"""Takes the function that stops the run, and makes Ctrl-C call it while the block runs."""


@dataclass(frozen=True, kw_only=True)
class Approved:
    """A plan whose approvals were verified, with all that it is checked against.

    `observation` is what the plan was made from, `inventory` the live one, whose digest is that of
    the plan. `installed`, `systems` and `origin` are what is installed here, `start` is the first
    record of the journal, and `resolver` says where names lead.
    """

    plan: Plan
    digest: str
    observation: Observation
    inventory: Inventory
    installed: Installed
    systems: InstalledSystems
    origin: Origin
    start: Start
    resolver: SshResolver


async def apply_plan(
    run: RunDirectory,
    approved: Approved,
    *,
    progress: Progress,
    on_stop: OnStop,
) -> Receipt:
    """Apply an approved plan. Its journal is written to `run`.

    Raises:
        Locked: it was applied before, or another run holds one of its resources.
        Refused: the plan does not follow from its observation.
        WorldChanged: a name leads elsewhere, or a deciding fact or field differs.
        Unreadable: a host that decides cannot be read.
        In each of these cases nothing was changed.
    """
    plan = approved.plan
    if run.journal.exists():
        raise Locked(
            "this run was applied before",
            guard="one plan, one application",
            got=f"a journal in {run.path}",
            expected="none",
            next_step=f"`remediate status {run.reference}`; for another attempt make a new plan",
        )
    async with SshReach(approved.inventory, approved.resolver) as reach:
        await _proven(approved, reach)
        drivers = {kind.name: kind.driver(reach) for kind in approved.systems.drivers}
        keepers = {
            kind.name: kind.fences(reach) for kind in approved.systems.drivers if kind.fences
        }
        said = f"taken by {said_by(approved.start.actor)} for run {run.name}"
        request = fence_request(plan, approved.digest, keepers, said)
        with closing(Journal(run.journal, approved.digest)) as journal:
            async with hold_fences(request) as held:
                journal.append(run_began(approved.start))
                journal.append(FactsHeld(count=len(plan.facts)))
                held.record_in(journal)
                application = Application(
                    plan,
                    approved.digest,
                    drivers=drivers,
                    fences=held.fences,
                    journal=journal,
                    watch=approved.installed.domain.watch(plan, reach),
                    progress=progress,
                )
                with on_stop(application.stop.set):
                    return await application.apply()


def said_by(actor: Actor) -> str:
    """Who acts from which machine, and since when: for whoever finds a resource held."""
    return f"{actor} on {platform.node()}, {format_moment(datetime.now(UTC))},"


async def _proven(approved: Approved, reach: SshReach) -> None:
    """Check that the plan follows from its observation and still holds.

    The names are compared before any host is contacted. The saved observation is checked while the
    hosts are read.
    """
    plan = approved.plan
    with approved.systems.step_compilers() as made:
        maker = PlanBuilder(
            domain=approved.installed.domain,
            playbook=approved.installed.playbook,
            origin=approved.origin,
            tool=approved.start.tool,
            compilers=made,
        )
        names = await asyncio.gather(*(reach.login(h.name) for h in approved.inventory.hosts))
        differences = changed_logins(plan.logins, names)
        if differences:
            raise world_changed(differences)
        sound = run_in_thread(check_derivation, plan, approved.observation, maker)
        looking = asyncio.create_task(
            observe(reach, approved.inventory, scope=Scope.DECIDING, tool=approved.start.tool)
        )
        try:
            await sound
            fresh = await looking
        finally:
            looking.cancel()
        await run_in_thread(recheck, plan, fresh, maker)


def run_began(start: Start) -> RunBegan:
    """The first event of a journal."""
    approvals = ", ".join(f"{a.principal} {a.key_fingerprint}" for a in start.approvals)
    names = start.ssh_config or "OpenSSH's own files"
    return RunBegan(
        format=JOURNAL_FORMAT,
        message=f"by {start.actor}, approved by {approvals}, allowed by {start.signers}; names are "
        f"led by {names}",
        start=start,
    )
