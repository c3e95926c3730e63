"""Everything that `doctor` looks at, gathered once: one observation and what it leaves open."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from remediations.engine.observe.look import observe
from remediations.engine.observe.observation import Observation, Scope
from remediations.reach.connection import HostUnreachable, Reach
from remediations.reach.doors import Door, door
from remediations.reach.known_hosts import KnownHosts
from remediations.reach.resolver import SshResolver
from remediations.reach.ssh import SshReach
from remediations.systems.comet.reading import CometReading, comet_reading, sealed
from remediations.systems.comet.subcommands import accepted
from remediations.values.inventory import Inventory
from remediations.values.reading import Known

REFUSAL_LIMIT_S = 0.5
"""A connection that failed is remembered: asking again only hears why."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """`refusals` and `doors` are of hosts that were not reached; `programs` of those that were."""

    observation: CometReading
    refusals: Mapping[str, HostUnreachable]
    doors: Mapping[str, Door]
    programs: Mapping[str, tuple[str, ...]]

    @property
    def envelope(self) -> Observation:
        """The observation as it is saved."""
        return sealed(self.observation)


async def look(inventory: Inventory, resolver: SshResolver, *, tool: str) -> Sight:
    """`see`, over SSH."""
    async with SshReach(inventory, resolver) as reach:
        return await see(reach, inventory, resolver, tool=tool)


async def see(reach: Reach, inventory: Inventory, resolver: SshResolver, *, tool: str) -> Sight:
    """Observe all hosts, then ask what an observation does not hold. Changes nothing anywhere."""
    observation = comet_reading(await observe(reach, inventory, scope=Scope.FULL, tool=tool))
    closed = [r.host for r in observation.hosts if not isinstance(r.session, Known)]
    refusals = {
        host: refusal for host in closed if (refusal := await _refusal(reach, host)) is not None
    }
    return Sight(
        observation=observation,
        refusals=refusals,
        doors=await _doors(inventory, resolver, closed),
        programs=await accepted(reach, observation),
    )


async def _refusal(reach: Reach, host: str) -> HostUnreachable | None:
    try:
        async with asyncio.timeout(REFUSAL_LIMIT_S):
            await reach.connect(host)
    except HostUnreachable as error:
        return error
    except TimeoutError:
        return None
    return None


async def _doors(inventory: Inventory, resolver: SshResolver, hosts: list[str]) -> dict[str, Door]:
    known = KnownHosts()
    entries = [inventory.host(host) for host in hosts]
    doors = [await door(entry, resolver, known) for entry in entries]
    return {found.host: found for found in doors}
