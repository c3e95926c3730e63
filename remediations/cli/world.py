"""Gets the observation that a command works on: read now, or from a file."""

from __future__ import annotations

import asyncio
from pathlib import Path

from remediations import __version__
from remediations.errors import UsageError
from remediations.model.inventory import Inventory
from remediations.observe.inventory import inventory_digest, load_inventory
from remediations.observe.look import load, observe, save
from remediations.observe.observation import Observation, Scope
from remediations.reach.ssh import SshReach

TOOL = f"remediate {__version__}"


def inventory_of(path: Path | None) -> Inventory:
    """The inventory, or a usage error that says how to give one."""
    if path is None:
        raise UsageError(
            "no inventory was given",
            guard="inventory",
            got="neither --inventory nor $REMEDIATE_INVENTORY",
            expected="a YAML file that names the hosts of the chain",
            next_step="remediate … --inventory inventories/example.yaml",
        )
    return load_inventory(path)


def read_world(inventory: Inventory, scope: Scope) -> Observation:
    """Look at all hosts of the inventory at once, over SSH."""

    async def look() -> Observation:
        async with SshReach(inventory) as reach:
            return await observe(reach, inventory, scope=scope, tool=TOOL)

    return asyncio.run(look())


def observation_for(
    inventory: Inventory | None, source: Path | None, save_to: Path | None
) -> Observation:
    """The observation of `--from`, else a fresh full one; written to `--save` if asked.

    Raises:
        UsageError: the file is no observation, or is one of another inventory.
        Unreadable: nothing could be read at all.
    """
    if source is not None:
        observation = load(source)
        if inventory is not None and observation.inventory_digest != inventory_digest(inventory):
            raise UsageError(
                f"{source} was not read with this inventory",
                guard="inventory digest",
                got=observation.inventory_digest[:16],
                expected=inventory_digest(inventory)[:16],
                next_step="give the inventory it was read with, or read the hosts again",
            )
    else:
        observation = read_world(inventory_of(None) if inventory is None else inventory, Scope.FULL)
    if save_to is not None:
        save(observation, save_to)
    return observation
