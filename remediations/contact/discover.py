"""One or two looks at a few hosts that no inventory names yet. Changes nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from remediations.diagnose.node_view import NodeView
from remediations.model.inventory import HostEntry, Inventory, Role
from remediations.model.reading import Unknown
from remediations.observe.inventory import HALTED_AFTER_S
from remediations.observe.look import observe
from remediations.observe.observation import HostReading, Observation, Scope
from remediations.reach.connection import Reach
from remediations.reach.resolver import SshResolver
from remediations.reach.ssh import SshReach

SEVERAL = "several unit files match"
"""How `discover.sh` says that it did not choose."""
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]{1,240}\.service")
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
        entries.append(HostEntry(name=numbered, role=Role.FULL, ssh=target))
    return tuple(entries)


def inventory_for(entries: Sequence[HostEntry], ssh_config: str | None) -> Inventory:
    """What `observe` needs: no chain is expected yet."""
    return Inventory(
        path="",
        chain_id="",
        halted_after_s=HALTED_AFTER_S,
        ssh_config=ssh_config,
        allowed_signers=None,
        hosts=tuple(entries),
    )


async def read_hosts(
    inventory: Inventory, resolver: SshResolver, *, tool: str
) -> tuple[Observation, Inventory]:
    """`look_twice`, over SSH."""
    async with SshReach(inventory, resolver) as reach:
        return await look_twice(reach, inventory, tool=tool)


async def look_twice(
    reach: Reach, inventory: Inventory, *, tool: str
) -> tuple[Observation, Inventory]:
    """The observation, and the inventory with the units that had to be pinned for it."""
    observation = await observe(reach, inventory, scope=Scope.FULL, tool=tool)
    for reading in observation.hosts:
        for chosen, fresh in await _pinned(reach, inventory, reading, tool):
            hosts = tuple(fresh if r.host == fresh.host else r for r in observation.hosts)
            observation = replace(observation, hosts=hosts)
            entries = tuple(chosen if e.name == chosen.name else e for e in inventory.hosts)
            inventory = replace(inventory, hosts=entries)
    return observation, inventory


async def _pinned(
    reach: Reach, inventory: Inventory, reading: HostReading, tool: str
) -> list[tuple[HostEntry, HostReading]]:
    """Of several units the only one that runs with a home; none when there is no such one."""
    found = []
    for unit in candidates(reading):
        entry = replace(inventory.host(reading.host), unit=unit)
        again = await observe(
            reach, replace(inventory, hosts=(entry,)), scope=Scope.FULL, tool=tool
        )
        view = NodeView(again.hosts[0])
        if view.unit is not None and view.unit.home and view.unit.active_state == "active":
            found.append((entry, again.hosts[0]))
    return found if len(found) == 1 else []


def candidates(reading: HostReading) -> tuple[str, ...]:
    """The units among which the host could not choose."""
    unit = reading.unit
    if not isinstance(unit, Unknown) or not unit.reason.startswith(SEVERAL):
        return ()
    return tuple(_UNIT.findall(unit.reason.rpartition(":")[2]))
