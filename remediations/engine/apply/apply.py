"""From an approved plan to its receipt: read again, compare, take the resources, carry out.

All that was verified is passed in one value (`Approved`) and is not read again.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime

from remediations.engine.apply.application import Application
from remediations.engine.apply.driver import Driver, FenceKeeper
from remediations.engine.apply.fence_hold import FenceRequest, fence_request, hold_fences
from remediations.engine.apply.progress import Progress
from remediations.engine.apply.receipt import Receipt
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
        with closing(Journal(run.journal, approved.digest)) as journal:
            async with hold_fences(fences_of(run, approved, reach)) as held:
                journal.append(run_began(approved.start))
                journal.append(FactsHeld(count=len(plan.facts)))
                held.record_in(journal)
                application = Application(
                    plan,
                    approved.digest,
                    drivers=drivers_of(approved.systems, reach),
                    fences=held.fences,
                    journal=journal,
                    watch=approved.installed.domain.watch(plan, reach),
                    progress=progress,
                    stop_asked=run.stop_asked,
                )
                with on_stop(application.stop.set):
                    return await application.apply()


def fences_of(
    run: RunDirectory, approved: Approved, reach: SshReach, *, again: bool = False
) -> FenceRequest:
    """What the run has to hold while it is carried out; with `again` it may hold it already, from a
    controller that was lost."""
    said = f"taken by {said_by(approved.start.actor)} for run {run.name}"
    keepers = keepers_of(approved.systems, reach)
    stop = f"remediate stop {run.reference} --reason WHY"
    return fence_request(approved.plan, approved.digest, keepers, said, again=again, stop=stop)


def keepers_of(systems: InstalledSystems, reach: SshReach) -> dict[str, FenceKeeper]:
    """What keeps fences at the targets of the installed drivers, by their names."""
    return {kind.name: kind.fences(reach) for kind in systems.drivers if kind.fences}


def said_by(actor: Actor) -> str:
    """Who acts from which machine, and since when: for whoever finds a resource held."""
    return f"{actor} on {platform.node()}, {format_moment(datetime.now(UTC))},"


async def _proven(approved: Approved, reach: SshReach) -> None:
    """Check that the plan follows from its observation, and still holds."""
    await check_names(approved, reach)
    async with read_again(approved, reach) as (fresh, maker):
        await run_in_thread(recheck, approved.plan, fresh, maker)


def drivers_of(systems: InstalledSystems, reach: SshReach) -> dict[str, Driver]:
    """The installed drivers by their names, over these connections."""
    return {kind.name: kind.driver(reach) for kind in systems.drivers}


async def check_names(approved: Approved, reach: SshReach) -> None:
    """Check that the names of all hosts lead where they led when the plan was made. Contacts none.

    Raises:
        WorldChanged: one leads elsewhere, or may show other keys.
    """
    names = await asyncio.gather(*(reach.login(h.name) for h in approved.inventory.hosts))
    differences = changed_logins(approved.plan.logins, names)
    if differences:
        raise world_changed(differences)


@asynccontextmanager
async def read_again(
    approved: Approved, reach: SshReach
) -> AsyncIterator[tuple[Observation, PlanBuilder]]:
    """What decides, read now, and a maker of plans to compare with. Meanwhile it is checked that
    the plan follows from its own observation.

    Raises:
        Refused: it does not.
        Unreadable: a host that decides cannot be read.
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
        sound = run_in_thread(check_derivation, plan, approved.observation, maker)
        looking = asyncio.create_task(
            observe(reach, approved.inventory, scope=Scope.DECIDING, tool=approved.start.tool)
        )
        try:
            await sound
            fresh = await looking
        finally:
            looking.cancel()
        yield fresh, maker


def run_began(start: Start) -> RunBegan:
    """The first event of a journal."""
    return RunBegan(format=JOURNAL_FORMAT, message=describe_start(start), start=start)


def describe_start(start: Start) -> str:
    """By whom, with whose approval, and checked against what: a line for people."""
    approvals = ", ".join(f"{a.principal} {a.key_fingerprint}" for a in start.approvals)
    names = start.ssh_config or "OpenSSH's own files"
    return (
        f"by {start.actor}, approved by {approvals}, allowed by {start.signers}; names are led by "
        f"{names}"
    )
