"""How the operator reaches the hosts: one key, one ssh_config, host keys known beforehand."""

from __future__ import annotations

from pathlib import Path

from tests.lab.machine import Machine
from tests.lab.shell import run
from tests.lab.spec import CHAIN_ID, OPERATOR

PRINCIPAL = "ops@lab"
HALTED_AFTER_S = 5
"""Blocks come twice a second here: five seconds without one is a halt."""


class Access:
    """The operator's files in a lab's directory."""

    def __init__(self, directory: Path, hosts: dict[str, Machine]) -> None:
        self._hosts = hosts
        self.ssh_config = directory / "ssh_config"
        self.known_hosts = directory / "known_hosts"
        self.operator_key = directory / "operator_key"
        self.allowed_signers = directory / "allowed_signers"
        self.inventory = directory / "inventory.yaml"

    @property
    def operator_public_key(self) -> str:
        """The operator's public key, one line."""
        return self.operator_key.with_suffix(".pub").read_text()

    def make_keys(self) -> None:
        """The operator's key pair: it logs in, and signs plans."""
        run(
            *("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", PRINCIPAL),
            *("-f", str(self.operator_key)),
        )
        kind, key, *_ = self.operator_public_key.split()
        self.allowed_signers.write_text(f"{PRINCIPAL} {kind} {key}\n")

    def write_files(self) -> None:
        """ssh_config, known_hosts and the inventory, once all hosts have their keys."""
        self.known_hosts.write_text("".join(self._known(m) for m in self._hosts.values()))
        self.ssh_config.write_text(self._config())
        self.inventory.write_text(inventory_text(self._hosts))

    def _known(self, machine: Machine) -> str:
        kind, key, *_ = machine.host_key().split()
        return f"{machine.address} {kind} {key}\n"

    def _config(self) -> str:
        blocks = []
        for machine in self._hosts.values():
            jump = "  ProxyJump bastion\n" if machine.spec.behind_bastion else ""
            blocks.append(f"Host {machine.name}\n  HostName {machine.address}\n{jump}")
        return "".join(blocks) + (
            f"Host *\n  User {OPERATOR}\n  IdentityFile {self.operator_key}\n"
            f"  IdentitiesOnly yes\n  StrictHostKeyChecking yes\n"
            f"  UserKnownHostsFile {self.known_hosts}\n  GlobalKnownHostsFile none\n"
        )


def inventory_text(hosts: dict[str, Machine]) -> str:
    """The lab's inventory, beside its ssh_config."""
    lines = [
        "version: 2",
        "chain:",
        f"  id: {CHAIN_ID}",
        f"  halted_after_seconds: {HALTED_AFTER_S}",
        "ssh:",
        "  config: ssh_config",
        "allowed_signers: allowed_signers",
        "hosts:",
    ]
    lines += [
        f"  {name}: {{chain: {{role: {machine.spec.role}}}}}" for name, machine in hosts.items()
    ]
    return "\n".join(lines) + "\n"
