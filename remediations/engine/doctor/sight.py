"""Everything that `doctor` looks at, gathered once: one observation and what it leaves open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from remediations.engine.observe.look import observe
from remediations.engine.observe.observation import Observation, Scope
from remediations.reach.connection import HostUnreachable, Reach
from remediations.reach.doors import HostKeyStatus, host_key_status
from remediations.reach.known_hosts import KnownHosts
from remediations.reach.resolver import SshResolver
from remediations.reach.ssh import SshReach
from remediations.values.inventory import Inventory

REFUSAL_LIMIT_S = 0.5
"""A connection that failed is remembered: asking again only hears why."""

Ask = Callable[[Reach, Observation], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Examination:
    """`refusals` and `doors` are of hosts that were not reached; `asked` is what each domain asked
    beyond the observation, by its name."""

    observation: Observation
    refusals: Mapping[str, HostUnreachable]
    doors: Mapping[str, HostKeyStatus]
    asked: Mapping[str, Any]


async def examine(
    inventory: Inventory, resolver: SshResolver, asks: Mapping[str, Ask], *, tool: str
) -> Examination:
    """`examine_through`, over SSH."""
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
    """Observe all hosts, then ask what an observation does not hold. Changes nothing anywhere."""
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
    """Why there is no connection; None where there is one, or where it takes long to know."""
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
