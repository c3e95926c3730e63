"""What an inventory has and lacks before anybody is contacted."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from remediations.contact.line import INVENTORY, Line, lack, ok, warn
from remediations.contact.signers import signers_line
from remediations.errors import UsageError
from remediations.model.inventory import Inventory, Role

FILE = "file"


def no_inventory() -> Line:
    """There is none yet, and this is how it comes to be."""
    mend = "remediate inventory discover HOST [HOST…] --output inventory.yaml"
    return lack(INVENTORY, FILE, "none given (--inventory, $REMEDIATE_INVENTORY)", mend)


def unusable(error: UsageError) -> Line:
    """It cannot be read, or says what it should not."""
    found = f"{error.what}: {error.got}, expected {error.expected}"
    return lack(INVENTORY, FILE, found, error.next_step)


def inventory_lines(inventory: Inventory, machines: Path | None = None) -> tuple[Line, ...]:
    """The file, the ssh_config it names, and who may approve. `machines` is the list that the
    machine configuration names, which counts before the inventory's."""
    roles = Counter(entry.role for entry in inventory.hosts)
    said = ", ".join(f"{roles[role]} {role}" for role in Role if roles[role])
    lines = [ok(INVENTORY, FILE, f"{inventory.path}: chain {inventory.chain_id}, {said}")]
    if not roles[Role.VALIDATOR]:
        mend = "give the hosts that hold validator keys `role: validator`"
        lines.append(warn(INVENTORY, "roles", "no validator", mend))
    return (*lines, _ssh_config(inventory), signers_line(inventory, machines))


def _ssh_config(inventory: Inventory) -> Line:
    if inventory.ssh_config is None:
        return ok(INVENTORY, "ssh_config", "OpenSSH's own (~/.ssh/config, /etc/ssh/ssh_config)")
    path = Path(inventory.ssh_config)
    if not path.is_file() or not os.access(path, os.R_OK):
        mend = f"correct `ssh: {{config:}}` in {inventory.path}, or write that file"
        return lack(INVENTORY, "ssh_config", f"{path} cannot be read", mend)
    return ok(INVENTORY, "ssh_config", str(path))
