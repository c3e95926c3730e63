"""The digest of an inventory, which ties an observation or a plan to its hosts.

It is not in the module that reads the file, so that `status` can compare it without loading YAML.
"""

from __future__ import annotations

from msgspec.structs import replace

from remediations.values.inventory import RESUME_WITHIN_S, Inventory
from remediations.values.wire import digest


def portable_inventory(inventory: Inventory) -> Inventory:
    """The inventory without what is specific to this machine, which are the paths of its files, and
    without what limits a run rather than names its hosts."""
    return replace(
        inventory,
        path="",
        sha256="",
        ssh_config=None,
        allowed_signers=None,
        resume_within_s=RESUME_WITHIN_S,
    )


def inventory_digest(inventory: Inventory) -> str:
    """The SHA-256 of the inventory's content, wherever its files are on this machine."""
    return digest(portable_inventory(inventory))
