"""The digest of an inventory: what ties an observation, and a plan, to its hosts.

Apart from the reader of the file, so that `status` can compare it without loading YAML.
"""

from __future__ import annotations

from msgspec.structs import replace

from remediations.values.inventory import Inventory
from remediations.values.wire import digest


def portable_inventory(inventory: Inventory) -> Inventory:
    """The inventory without what only this machine knows: where it and its files lie."""
    return replace(inventory, path="", sha256="", ssh_config=None, allowed_signers=None)


def inventory_digest(inventory: Inventory) -> str:
    """The SHA-256 of what the inventory says, wherever it and its files lie on this machine."""
    return digest(portable_inventory(inventory))
