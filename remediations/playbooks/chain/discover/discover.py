"""One or two looks at a few hosts that no inventory names yet. Changes nothing.

Where a host has several units each is looked at by itself, and the only one that runs is chosen. A
host says itself which units it has: so few are looked at, and all hosts together have a time limit.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from remediations.engine.observe.observation import Scope
from remediations.engine.observe.observe import observe
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.reach.connection import Reach
from remediations.reach.resolver import SshResolver
from remediations.reach.ssh import SshReach
from remediations.render.formats import name_some
from remediations.systems.comet.inventory import (
    HALTED_AFTER_S,
    ChainEntry,
    NodeEntry,
    Role,
    node_of,
    with_node,
)
from remediations.systems.comet.reading import CometReading, HostReading, comet_reading
from remediations.values.inventory import HostEntry, Inventory
from remediations.values.part import Part
from remediations.values.reading import Unknown

MOST = 8
"""Units that are looked at by themselves on one host. Of more than these none is: that only one of
them runs would not be known."""
SECOND_LOOK_S = 60.0
"""For all hosts together."""
LATE = "there was no time to look at each"
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def entries_for(targets: Sequence[str]) -> tuple[HostEntry, ...]:
    """Entries for names given to ssh: `ops@10.0.0.5` becomes the host `10.0.0.5`.

    Two targets that would have one name are numbered. The role is not known yet: `full` is asked
    for everything that the others are.
    """
    taken: Counter[str] = Counter()
    entries = []
    for target in targets:
        bare = target.rpartition("@")[2].partition(":")[0].partition("%")[0]
        name = _NO_NAME.sub("-", bare).strip("-.")[:60] or "host"
        taken[name] += 1
        numbered = name if taken[name] == 1 else f"{name}-{taken[name]}"
        entry = HostEntry(name=numbered, ssh=target)
        entries.append(with_node(entry, NodeEntry(role=Role.FULL)))
    return tuple(entries)


def inventory_for(entries: Sequence[HostEntry], ssh_config: str | None) -> Inventory:
    """What `observe` needs: no chain is expected yet."""
    chain = ChainEntry(chain_id="", halted_after_s=HALTED_AFTER_S)
    return Inventory(
        path="",
        parts=(Part.of(chain),),
        ssh_config=ssh_config,
        allowed_signers=None,
        hosts=tuple(entries),
    )


async def read_hosts(
    inventory: Inventory, resolver: SshResolver, *, tool: str
) -> tuple[CometReading, Inventory]:
    """`look_twice`, over SSH."""
    async with SshReach(inventory, resolver) as reach:
        return await look_twice(reach, inventory, tool=tool)


async def look_twice(
    reach: Reach, inventory: Inventory, *, tool: str
) -> tuple[CometReading, Inventory]:
    """The observation, and the inventory with the units that had to be pinned for it."""
    observation = comet_reading(await observe(reach, inventory, scope=Scope.FULL, tool=tool))
    undecided = [reading for reading in observation.hosts if reading.candidates]
    looks = [asyncio.create_task(_pinned(reach, inventory, reading, tool)) for reading in undecided]
    if looks:
        await asyncio.wait(looks, timeout=SECOND_LOOK_S)
    for reading, look in zip(undecided, looks, strict=True):
        late = look.cancel()  # not where it is done
        entry = inventory.host(reading.host)
        chosen, fresh = (entry, _undecided(reading, LATE)) if late else look.result()
        hosts = tuple(fresh if r.host == fresh.host else r for r in observation.hosts)
        observation = replace(observation, hosts=hosts)
        entries = tuple(chosen if e.name == chosen.name else e for e in inventory.hosts)
        inventory = replace(inventory, hosts=entries)
    await asyncio.gather(*looks, return_exceptions=True)
    return observation, inventory


async def _pinned(
    reach: Reach, inventory: Inventory, reading: HostReading, tool: str
) -> tuple[HostEntry, HostReading]:
    """Of several units the only one that runs with a home; where there is no such one, the reading
    as it was, with why."""
    units, entry = reading.candidates, inventory.host(reading.host)
    if len(units) > MOST:
        return entry, _undecided(reading, f"{len(units)} are too many to look at each")
    found = []
    for unit in units:
        pinned = with_node(entry, replace(node_of(entry), unit=unit))
        only = replace(inventory, hosts=(pinned,))
        again = comet_reading(await observe(reach, only, scope=Scope.FULL, tool=tool))
        view = NodeView(again.hosts[0])
        if view.unit is not None and view.unit.home and view.unit.active_state == "active":
            found.append((pinned, again.hosts[0]))
    return (
        found[0] if len(found) == 1 else (entry, _undecided(reading, f"{len(found)} of them run"))
    )


def _undecided(reading: HostReading, why: str) -> HostReading:
    """The reading with the first few names that the host gave, and why none of them was chosen."""
    assert isinstance(reading.unit, Unknown)
    reason = f"several unit files match here: {name_some(reading.candidates, MOST)}; {why}"
    return replace(reading, unit=replace(reading.unit, reason=reason))
