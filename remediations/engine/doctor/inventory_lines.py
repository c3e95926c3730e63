"""What an inventory has and lacks before anybody is contacted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from remediations.engine.doctor.line import INVENTORY, Line, lack, ok
from remediations.engine.doctor.signers import signers_line
from remediations.errors import UsageError
from remediations.reach.ssh_config import read_ssh_config
from remediations.render.words import count
from remediations.values.inventory import Inventory

FILE = "file"


def no_inventory() -> Line:
    """There is none yet, and this is how it comes to be."""
    mend = "remediate inventory discover HOST [HOST…] --output inventory.yaml"
    return lack(INVENTORY, FILE, "none given (--inventory, $REMEDIATE_INVENTORY)", mend)


def unusable(error: UsageError) -> Line:
    """It cannot be read, or says what it should not."""
    found = f"{error.what}: {error.got}, expected {error.expected}"
    return lack(INVENTORY, FILE, found, error.next_step)


def inventory_lines(
    inventory: Inventory, machines: Path | None = None, said: Sequence[Line] = ()
) -> tuple[Line, ...]:
    """The file, what domains `said` of it, the ssh_config it names, and who may approve. `machines`
    is the list that the machine configuration names, which counts before the inventory's."""
    file = ok(INVENTORY, FILE, f"{inventory.path}: {count(len(inventory.hosts), 'host')}")
    return (file, *said, _ssh_config(inventory), signers_line(inventory, machines))


def _ssh_config(inventory: Inventory) -> Line:
    try:
        read_ssh_config(inventory.ssh_config)
    except UsageError as error:
        mend = f"{error.next_step}; `ssh: {{config:}}` in {inventory.path} names it"
        return lack(INVENTORY, "ssh_config", f"{error.what}: {error.got}", mend)
    if inventory.ssh_config is None:
        return ok(INVENTORY, "ssh_config", "OpenSSH's own (~/.ssh/config, /etc/ssh/ssh_config)")
    return ok(INVENTORY, "ssh_config", inventory.ssh_config)
