"""The inventory: who the hosts are, as YAML. The form is described in docs/inventory.md.

The engine knows names, ssh_config and who may approve. Everything else is a section, which the
installed system that declares it reads (`inventory_section`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

from remediations.engine.installed_systems import InstalledSystems, installed_systems
from remediations.engine.observe.inventory_file import read_file
from remediations.engine.observe.inventory_table import InventoryTable, shown
from remediations.engine.observe.inventory_versions import NEWEST, Flat, Sections
from remediations.machine.config import load_machine_config
from remediations.values.inventory import RESUME_WITHIN_S, HostEntry, Inventory
from remediations.values.part import Part

_WEEK_S = 7 * 24 * 3600
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
SSH_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@:%-]{0,252}")
"""What may be given to ssh as a destination: no option, no command."""


class _Version(Protocol):
    """Where the keys of a system belong. All keys of the root, and of a host, are checked by it."""

    def of_root(self, root: InventoryTable) -> tuple[Part, ...]:
        """What the root tells the systems."""

    def of_host(self, root: InventoryTable, entry: InventoryTable, name: str) -> tuple[Part, ...]:
        """What the entry of the host `name` tells them."""

    def check(self, root: InventoryTable, inventory: Inventory) -> None:
        """Refuse what only the whole inventory shows."""


def load_inventory(path: Path, systems: InstalledSystems | None = None) -> Inventory:
    """The inventory in `path`, with the sections of the installed systems (or of `systems`); names
    of files in it are relative to it.

    Raises:
        UsageError: with file and line, what was found there and what is expected.
        Refused: two systems that are installed have a section of one name.
    """
    root, sha256 = read_file(path)
    if systems is None:
        systems = installed_systems(load_machine_config())
    version = _version(root, systems)
    parts = version.of_root(root)
    ssh_config = _ssh_config(root)
    hosts = root.table("hosts")
    if not hosts.content:
        raise root.wrong("hosts", "at least one host, as `NAME: {SECTION: {…}}`")
    inventory = Inventory(
        path=str(path),
        sha256=sha256,
        ssh_config=ssh_config,
        allowed_signers=root.file("allowed_signers"),
        resume_within_s=root.whole_number(
            "resume_within_seconds", 60, _WEEK_S, default=RESUME_WITHIN_S, unit="seconds"
        ),
        parts=parts,
        hosts=tuple(_host(version, root, hosts, name) for name in hosts.content),
    )
    version.check(root, inventory)
    return inventory


def _version(root: InventoryTable, systems: InstalledSystems) -> _Version:
    if "version" not in root:
        raise root.complaint("no key version", f"`version: {NEWEST}`")
    version = root.content["version"]
    if isinstance(version, bool) or version not in (1, NEWEST):
        raise root.wrong("version", f"1 or {NEWEST}")
    if version == NEWEST:
        return Sections(systems)
    flat = [one for one in systems.inventory_sections if one.flat]
    if not flat:
        raise root.wrong("version", f"{NEWEST}: no installed system reads version 1")
    return Flat.of(flat[0])


def _ssh_config(root: InventoryTable) -> str | None:
    if "ssh" not in root:
        return None
    ssh = root.table("ssh")
    ssh.keys(required=(), optional=("config",))
    return ssh.file("config")


def _host(
    version: _Version, root: InventoryTable, hosts: InventoryTable, name: object
) -> HostEntry:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        expected = "a host name of letters, digits, dots and dashes"
        raise hosts.wrong(name, expected, shown(name))
    entry = hosts.table(name)
    parts = version.of_host(root, entry, name)
    ssh = entry.optional("ssh", SSH_NAME, "a name for ssh") or name
    return HostEntry(name=name, ssh=ssh, parts=parts)
