"""From an approved plan to its receipt: read again, compare, carry out."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Callable, Sequence
from contextlib import closing

from remediations.approve.signer import Signer
from remediations.errors import Locked
from remediations.observe.look import observe
from remediations.observe.observation import Scope
from remediations.observe.quick import Pulse, heights
from remediations.plan.plan import Plan, plan_digest
from remediations.playbooks.recheck import recheck
from remediations.reach.ssh import SshReach
from remediations.run.engine import Engine, Receipt
from remediations.run.journal import Journal
from remediations.run.progress import Progress
from remediations.run.records import EntryKind
from remediations.run.snapshot import HostSnapshot, Snapshot
from remediations.run.ssh_driver import SshDriver
from remediations.run.store import RunDirectory

OnStop = Callable[[Callable[[], None]], None]
"""Given the function that stops the run, arranges for Ctrl-C to call it."""


async def apply_plan(
    run: RunDirectory,
    signers: Sequence[Signer],
    *,
    tool: str,
    progress: Progress,
    on_stop: OnStop,
) -> Receipt:
    """Apply the plan of `run`, whose approvals were checked to be by `signers`.

    Raises:
        Locked: it was applied before.
        WorldChanged: a deciding fact does not hold any more; nothing was changed.
        Unreadable: a host that decides cannot be read.
    """
    plan = run.plan()
    digest = plan_digest(plan)
    if run.journal.exists():
        raise Locked(
            "this run was applied before",
            guard="one plan, one application",
            got=f"a journal in {run.path}",
            expected="none",
            next_step=f"`remediate status {run.name}`; for another attempt make a new plan",
        )
    async with SshReach(run.inventory()) as reach:
        fresh = await observe(reach, run.inventory(), scope=Scope.DECIDING, tool=tool)
        await asyncio.to_thread(recheck, plan, fresh)
        with closing(Journal(run.journal, digest)) as journal:
            journal.append(
                EntryKind.RUN_BEGAN,
                message=f"by {getpass.getuser()}, approved by "
                + ", ".join(f"{s.principal} {s.fingerprint}" for s in signers),
            )
            journal.append(EntryKind.FACTS_HELD, message=f"{len(plan.facts)} facts hold")
            engine = Engine(
                plan,
                digest,
                driver=SshDriver(reach),
                journal=journal,
                poll=lambda: poll(reach, plan),
                progress=progress,
            )
            on_stop(engine.stop.set)
            return await engine.apply()


async def poll(reach: SshReach, plan: Plan) -> Snapshot:
    """One look at every target of the plan."""
    pulses = await heights(reach, [(t.host, t.rpc_url) for t in plan.targets])
    hosts = tuple(
        HostSnapshot(
            host=target.host,
            height=pulse.status.height if pulse.status else None,
            catching_up=pulse.status.catching_up if pulse.status else None,
        )
        for target in plan.targets
        for pulse in (pulses[target.host],)
    )
    round_, online = _votes(list(pulses.values()), plan)
    return Snapshot(
        hosts=hosts, round=round_, online_power=online, total_power=plan.baseline.total_power
    )


def _votes(pulses: Sequence[Pulse], plan: Plan) -> tuple[int, int]:
    """The highest round of the highest height, and the power of targets whose node answers and
    follows. A display value: what decides is read by `observe`."""
    rounds = [(p.round.height, p.round.round) for p in pulses if p.round is not None]
    top = max((p.status.height for p in pulses if p.status is not None), default=0)
    alive = {p.status.address for p in pulses if p.status and p.status.height >= top - 1}
    online = sum(target.power for target in plan.targets if target.address in alive)
    return (max(rounds)[1] if rounds else 0), online
