"""The pyinfra entry point `remediate`: plain pyinfra reads our inventories and needs no other.

It joins the reader of inventories and the connector, which do not know each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyinfra.api.exceptions import InventoryError

from remediations.errors import RemediationError
from remediations.systems.hosts.pyinfra.connector import INVENTORY, OpenSSHConnector
from remediations.values.inventory import HostEntry, Inventory

if TYPE_CHECKING:
    from remediations.engine.observe.inventory_section import InventorySection


class RemediateConnector(OpenSSHConnector):
    """`@remediate/inventories/lab.yaml` is every host of that file, `@remediate/val1` is one
    host."""

    @staticmethod
    def make_names_data(name: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        """The hosts of an inventory file with their data and groups; or one host.

        Raises:
            InventoryError: the file cannot be used; says why, and where.
        """
        if not name:
            raise InventoryError("use @remediate/FILE.yaml or @remediate/HOST")
        # Imported here: pyinfra loads every connector on every run, used or not.
        from remediations.engine.installed_systems import installed_systems
        from remediations.engine.observe.inventory import load_inventory
        from remediations.machine.config import load_machine_config
        from remediations.machine.programs import SSH, load_program
        from remediations.reach.ssh_config import read_ssh_config

        try:
            config = load_machine_config()
            ssh = load_program(config.ssh, SSH).path
            inventory, systems = None, installed_systems(config)
            if name.endswith((".yaml", ".yml")):
                inventory = load_inventory(Path(name).expanduser(), systems)
            read_ssh_config(inventory.ssh_config if inventory else None)
        except RemediationError as error:
            raise InventoryError(str(error)) from error
        if inventory is not None:
            yield from names_data(inventory, ssh, systems.inventory_sections)
            return
        for host, data, groups in OpenSSHConnector.make_names_data(name):
            yield host, {**data, "ssh_program": str(ssh)}, groups


def names_data(
    inventory: Inventory, ssh: Path, sections: Sequence[InventorySection]
) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Every host that is in a group of one of the systems; one of none is only passed through.
    `ssh` is the program."""
    for entry in inventory.hosts:
        groups = [group for section in sections for group in section.groups_of(entry)]
        if groups:
            yield entry.name, _data(inventory, entry, ssh), groups


def _data(inventory: Inventory, entry: HostEntry, ssh: Path) -> dict[str, Any]:
    known = {
        "ssh_program": str(ssh),
        "ssh_name": entry.ssh,
        "ssh_config": inventory.ssh_config,
        INVENTORY: str(Path(inventory.path).absolute()),
    }
    return {key: value for key, value in known.items() if value is not None}
