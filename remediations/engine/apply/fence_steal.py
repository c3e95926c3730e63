"""Takes a resource away from a run that nobody can go on with: by a person, with a reason.

Nobody holds it afterwards. The former run starts nothing more on the hosts that have the new
number; the next plan takes the resource as always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from remediations.engine.apply.driver import FenceKeeper, FenceRecord
from remediations.engine.apply.fence import (
    GUARD,
    Answers,
    current_holder,
    fence_text,
    is_majority,
    next_number,
)
from remediations.engine.apply.fence_hold import ask_voters, read_fences
from remediations.engine.installed_systems import InstalledSystems
from remediations.errors import PartlyApplied, Unreadable, UsageError
from remediations.reach.resolver import SshResolver
from remediations.reach.ssh import SshReach
from remediations.render.formats import name_some
from remediations.values.inventory import Inventory


@dataclass(frozen=True, kw_only=True)
class StolenFence:
    """What was done. `was` is the record of the former holder; `hosts` have the new number, and
    `missing` may still obey the former holder."""

    resource: str
    was: FenceRecord
    number: int
    hosts: tuple[str, ...]
    missing: tuple[str, ...]


async def steal_resource(
    resource: str,
    inventory: Inventory,
    resolver: SshResolver,
    systems: InstalledSystems,
    said: str,
) -> StolenFence:
    """Take a resource from whoever holds it on the hosts of an inventory. `said` is kept by them.

    Raises:
        Unreadable, UsageError, PartlyApplied: as in `steal_from`.
    """
    async with SshReach(inventory, resolver) as reach:
        found: dict[str, FenceKeeper] = {}
        for kind in systems.drivers:
            if kind.fences is not None:
                keeper = kind.fences(reach)
                found = {host.name: keeper for host in inventory.hosts}
                answers = await read_fences(found, resource)
                if any(record is not None and record.number for record in answers.values()):
                    break
        return await steal_from(found, resource, said)


async def steal_from(voters: Mapping[str, FenceKeeper], resource: str, said: str) -> StolenFence:
    """Take a resource from whoever holds it.

    Raises:
        Unreadable: half of the hosts or more did not answer. Nothing was changed.
        UsageError: no host has heard of the resource, or nobody holds it.
        PartlyApplied: half of the hosts or more did not store the new number.
    """
    answers = await read_fences(voters, resource)
    was = _holder(resource, answers)
    number = next_number(answers)
    text = fence_text(resource, f"stolen from plan {was.plan[:12]} {said}")

    async def steal(voter: str) -> None:
        await voters[voter].steal_fence(voter, resource, number, text)

    failures = await ask_voters(voters, steal)
    hosts = tuple(sorted(voters.keys() - failures))
    if not is_majority(len(hosts), len(voters)):
        why = "; ".join(f"{voter}: {failures[voter]}" for voter in sorted(failures)[:3])
        raise PartlyApplied(
            f"{resource} was not taken away: too few hosts stored the new number",
            guard=GUARD,
            got=f"number {number} on {name_some(hosts) if hosts else 'no host'}; {why}",
            expected=f"more than half of {len(voters)} hosts",
            next_step="`remediate doctor` says which hosts can be reached; then the same again",
        )
    missing = tuple(sorted(failures))
    return StolenFence(resource=resource, was=was, number=number, hosts=hosts, missing=missing)


def _holder(resource: str, answers: Answers) -> FenceRecord:
    """Who holds it.

    Raises:
        Unreadable: too few hosts answered to tell.
        UsageError: nobody does.
    """
    told = [found for found in answers.values() if found is not None]
    if not is_majority(len(told), len(answers)):
        silent = sorted(host for host, found in answers.items() if found is None)
        raise Unreadable(
            f"it is not known who holds {resource}",
            guard=GUARD,
            got=f"no answer of {name_some(silent)}" if silent else "no host that keeps fences",
            expected=f"an answer of more than half of {len(answers)} hosts",
            next_step="`remediate doctor` says which hosts can be reached",
        )
    holder = current_holder(answers)
    if holder is not None:
        return holder
    last = max(told, key=lambda found: found.number)
    if not last.number:
        raise UsageError(
            f"no host has ever heard of {resource}",
            guard=GUARD,
            got=resource,
            expected="a resource that a run has taken on the hosts of this inventory",
            next_step="`remediate show RUN --format json` names the resources of a plan",
        )
    raise UsageError(
        f"nobody holds {resource}",
        guard=GUARD,
        got=str(last),
        expected="a run that holds it",
        next_step="nothing is to be stolen: `remediate apply RUN`",
    )
