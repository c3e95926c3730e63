"""The pyinfra entry point `remediate`: plain pyinfra reads our inventories and needs no other.

It joins the reader of inventories and the connector, which do not know each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyinfra.api.exceptions import InventoryError

from remediations.errors import RemediationError
from remediations.systems.hosts.pyinfra.connector import INVENTORY, OpenSSHConnector
from remediations.values.inventory import HostEntry, Inventory, Role


class RemediateConnector(OpenSSHConnector):
    """`@remediate/inventories/lab.yaml` is every host of that file, `@remediate/val1` is one
    host."""

    @staticmethod
    def make_names_data(name: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        """The hosts of an inventory file with their data, in groups by role; or one host.

        Raises:
            InventoryError: the file cannot be used; says why, and where.
        """
        if not name:
            raise InventoryError("use @remediate/FILE.yaml or @remediate/HOST")
        # Imported here: pyinfra loads every connector on every run, used or not.
        from remediations.engine.observe.inventory import load_inventory
        from remediations.machine.config import load_machine_config
        from remediations.machine.programs import SSH, load_program
        from remediations.reach.ssh_config import read_ssh_config

        try:
            ssh = load_program(load_machine_config().ssh, SSH).path
            inventory = None
            if name.endswith((".yaml", ".yml")):
                inventory = load_inventory(Path(name).expanduser())
            read_ssh_config(inventory.ssh_config if inventory else None)
        except RemediationError as error:
            raise InventoryError(str(error)) from error
        if inventory is not None:
            yield from names_data(inventory, ssh)
            return
        for host, data, groups in OpenSSHConnector.make_names_data(name):
            yield host, {**data, "ssh_program": str(ssh)}, groups


def names_data(inventory: Inventory, ssh: Path) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Every host but bastions, which are only passed through. `ssh` is the program."""
    for entry in inventory.hosts:
        if entry.role is not Role.BASTION:
            yield entry.name, _data(inventory, entry, ssh), [entry.role.value]


def _data(inventory: Inventory, entry: HostEntry, ssh: Path) -> dict[str, Any]:
    known = {
        "ssh_program": str(ssh),
        "ssh_name": entry.ssh,
        "ssh_config": inventory.ssh_config,
        INVENTORY: str(Path(inventory.path).absolute()),
    }
    return {key: value for key, value in known.items() if value is not None}
