"""What an inventory has and lacks, without contacting any host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from remediations.engine.doctor.line import INVENTORY, DoctorLine, lack_line, ok_line
from remediations.engine.doctor.signers import signers_line
from remediations.errors import UsageError
from remediations.reach.ssh_config import read_ssh_config
from remediations.render.formats import count_of
from remediations.values.inventory import Inventory

FILE = "file"


def no_inventory_line() -> DoctorLine:
    """The line if there is no inventory, with the command that proposes one."""
    mend = "remediate inventory discover HOST [HOST…] --output inventory.yaml"
    return lack_line(INVENTORY, FILE, "none given (--inventory, $REMEDIATE_INVENTORY)", mend)


def unusable_inventory_line(error: UsageError) -> DoctorLine:
    """The line if the inventory cannot be read, or is not valid."""
    found = f"{error.what}: {error.got}, expected {error.expected}"
    return lack_line(INVENTORY, FILE, found, error.next_step)


def inventory_lines(
    inventory: Inventory, machines: Path | None = None, said: Sequence[DoctorLine] = ()
) -> tuple[DoctorLine, ...]:
    """Lines about the file, what domains `said` of it, the ssh_config that it names, and who may
    approve. `machines` is the list in the machine configuration, which takes precedence over the
    inventory's."""
    file = ok_line(INVENTORY, FILE, f"{inventory.path}: {count_of(len(inventory.hosts), 'host')}")
    return (file, *said, _ssh_config(inventory), signers_line(inventory, machines))


def _ssh_config(inventory: Inventory) -> DoctorLine:
    try:
        read_ssh_config(inventory.ssh_config)
    except UsageError as error:
        mend = f"{error.next_step}; `ssh: {{config:}}` in {inventory.path} names it"
        return lack_line(INVENTORY, "ssh_config", f"{error.what}: {error.got}", mend)
    if inventory.ssh_config is None:
        return ok_line(
            INVENTORY, "ssh_config", "OpenSSH's own (~/.ssh/config, /etc/ssh/ssh_config)"
        )
    return ok_line(INVENTORY, "ssh_config", inventory.ssh_config)
