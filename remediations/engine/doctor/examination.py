"""Everything that `doctor` looks at, gathered once, and what a domain adds to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remediations.engine.doctor.line import DoctorLine
from remediations.engine.observe.observation import Observation, Scope
from remediations.engine.observe.observe import observe
from remediations.reach.connection import HostUnreachable, Reach
from remediations.reach.known_hosts import KnownHosts
from remediations.reach.resolver import SshResolver
from remediations.reach.routes import HostKeyStatus, host_key_status
from remediations.reach.ssh import SshReach
from remediations.values.inventory import Inventory

REFUSAL_LIMIT_S = 0.5
"""Seconds. A failed connection is remembered, so asking again only returns the reason."""

Ask = Callable[[Reach, Observation], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What was found. `refusals` and `doors` (what known_hosts has) are about hosts that were not
    reached; `asked` is what each domain asked beyond the observation, by the domain's name."""

    observation: Observation
    refusals: Mapping[str, HostUnreachable]
    doors: Mapping[str, HostKeyStatus]
    asked: Mapping[str, Any]


async def examine(
    inventory: Inventory, resolver: SshResolver, asks: Mapping[str, Ask], *, tool: str
) -> Examination:
    """Examine all hosts of the inventory over SSH. Changes nothing anywhere."""
    async with SshReach(inventory, resolver) as reach:
        return await examine_through(reach, inventory, resolver, asks, tool=tool)


async def examine_through(
    reach: Reach,
    inventory: Inventory,
    resolver: SshResolver,
    asks: Mapping[str, Ask],
    *,
    tool: str,
) -> Examination:
    """Observe all hosts through `reach`, then ask what an observation does not contain."""
    observation = await observe(reach, inventory, scope=Scope.FULL, tool=tool)
    names = [entry.name for entry in inventory.hosts]
    heard = await asyncio.gather(*(_refusal(reach, host) for host in names))
    refusals = {host: refusal for host, refusal in zip(names, heard, strict=True) if refusal}
    return Examination(
        observation=observation,
        refusals=refusals,
        doors=await _doors(inventory, resolver, list(refusals)),
        asked={domain: await ask(reach, observation) for domain, ask in asks.items()},
    )


async def _refusal(reach: Reach, host: str) -> HostUnreachable | None:
    """Why there is no connection; None if there is one, or if it takes too long to find out."""
    try:
        async with asyncio.timeout(REFUSAL_LIMIT_S):
            await reach.connect(host)
    except HostUnreachable as error:
        return error
    except TimeoutError:
        return None
    return None


async def _doors(
    inventory: Inventory, resolver: SshResolver, hosts: list[str]
) -> dict[str, HostKeyStatus]:
    known = KnownHosts()
    entries = [inventory.host(host) for host in hosts]
    doors = [await host_key_status(entry, resolver, known) for entry in entries]
    return {found.host: found for found in doors}


def nothing_before(_inventory: Inventory) -> Sequence[DoctorLine]:
    """Nothing is said before the hosts are read."""
    return ()


async def ask_nothing(_reach: Reach, _observation: Observation) -> None:
    """Ask nothing beyond the observation."""


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """What a domain adds to `remediate doctor`.

    `before` says what an inventory has and lacks for the domain, before any host is contacted.
    `ask` reads what an observation does not contain, and changes nothing. `lines` is given the
    result and says what is in order and what is missing: under the domain's name for the whole,
    under the host's name for each of its hosts. It says nothing where nothing of the domain was
    read. `before` and `lines` are pure.
    """

    lines: Callable[[Inventory, Examination, Any], Sequence[DoctorLine]]
    before: Callable[[Inventory], Sequence[DoctorLine]] = nothing_before
    ask: Callable[[Reach, Observation], Awaitable[Any]] = ask_nothing
