"""An upgrade that the program in use does not know, and the program that does."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from tests.lab.binary import virtengined
from tests.lab.chainnet import install_binary
from tests.lab.cosmovisor import place_below
from tests.lab.dialect import program
from tests.lab.faults import Faults
from tests.lab.homes import Network, recover_authority
from tests.lab.shell import LabError, run
from tests.lab.spec import CHAIN_ID, NODES

PLAN = "v2"
"""The upgrade that release 2 knows."""


class UpgradeFaults(Faults):
    """Upgrade needed; another release."""

    chain: Network

    def break_upgrade(self, *, at: int, name: str = PLAN) -> None:
        """The chain schedules an upgrade for height `at`, some blocks ahead, where release 1 stops
        everywhere. It ends with release 2 on all: `install_release`.

        Raises:
            LabError: the chain did not take it.
        """
        with tempfile.TemporaryDirectory() as scratch:
            home = Path(scratch)
            address = recover_authority(self._client, home)
            message = home / "upgrade.json"
            message.write_text(json.dumps(_transaction(address, name, at)))
            signed = home / "signed.json"
            signing = ("--from", "authority", "--chain-id", CHAIN_ID, "--keyring-backend", "test")
            signed.write_text(
                self._client(home, "tx", "sign", str(message), *signing, *self._node_flag())
            )
            broadcast = ("tx", "broadcast", str(signed), "--output", "json", *self._node_flag())
            said = self._client(home, *broadcast)
        if json.loads(said.strip().splitlines()[-1])["code"]:
            raise LabError(f"the upgrade was not taken: {said[-400:]}")
        self.mend_node(lambda: self.install_release(2))

    def put_below_cosmovisor(self, *hosts: str, backup: bool = False) -> None:
        """These nodes (all by default) run below the real cosmovisor from now on: together, so that
        the chain pauses. `pristine` gives them their units back."""
        chosen = hosts or tuple(spec.name for spec in NODES)
        self.stop(*chosen)
        for host in chosen:
            place_below(self.hosts[host], self.node(host), self.chain.binary, backup=backup)
            self.systemctl(host, "daemon-reload")
        self.start(*(host for host in chosen if self.node(host).started))

    def wait_asked(self, *hosts: str, timeout: float = 60) -> None:
        """Wait until the application of each host has asked for an upgrade (`upgrade-info.json`),
        and cosmovisor, which has no program for it, has ended it.

        Raises:
            LabError: not in time.
        """
        end = time.monotonic() + timeout
        waiting = set(hosts)
        while waiting:
            if time.monotonic() > end:
                raise LabError(f"no upgrade was asked for on {sorted(waiting)}")
            time.sleep(0.2)
            waiting = {host for host in waiting if not self._asked(host)}

    def wait_file(self, host: str, path: str, timeout: float = 90) -> None:
        """Wait until a file is there, or what a link leads to.

        Raises:
            LabError: not in time.
        """
        end = time.monotonic() + timeout
        while not self.hosts[host].path(path).exists():
            if time.monotonic() > end:
                raise LabError(f"no {path} on {host}")
            time.sleep(0.02)

    def slow_start(self, host: str, *, seconds: int) -> None:
        """Every start of the unit takes so much longer, before its program begins."""
        unit = self.unit(host)
        directory = self.hosts[host].path(f"/etc/systemd/system/{unit}.d")
        directory.mkdir(exist_ok=True)
        (directory / "slow.conf").write_text(f"[Service]\nExecStartPre=/bin/sleep {seconds}\n")
        self.systemctl(host, "daemon-reload")

    def _asked(self, host: str) -> bool:
        info = self.hosts[host].path(f"{self.node(host).home}/data/upgrade-info.json")
        return info.exists() and self.world.height(host) is None

    def install_release(self, release: int, *hosts: str) -> None:
        """Another release of the program on all nodes (or those named), and a restart of those that
        are started ones."""
        program = virtengined(release)
        chosen = hosts or tuple(spec.name for spec in NODES)
        self.stop(*chosen)
        for host in chosen:
            install_binary(self.hosts[host], self.node(host), program)
        self.start(*(host for host in chosen if self.node(host).started))

    def _node_flag(self) -> tuple[str, str]:
        return "--node", f"tcp://127.0.0.1:{self.node(NODES[0].name).rpc_port}"

    def _client(self, home: Path, *arguments: str, stdin: str = "") -> str:
        """The chain's program, run outside with the loopback of the first validator."""
        return run(
            *("nsenter", "-t", str(self.hosts[NODES[0].name].init()), "-n"),
            *(*program(self.chain.binary), *arguments, "--home", str(home)),
            stdin=stdin,
        )


def _transaction(authority: str, name: str, height: int) -> dict[str, object]:
    message = {
        "@type": "/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade",
        "authority": authority,
        "plan": {"name": name, "height": str(height), "info": ""},
    }
    fee: dict[str, object] = {"amount": [], "gas_limit": "200000", "payer": "", "granter": ""}
    return {
        "body": {
            "messages": [message],
            "memo": "",
            "timeout_height": "0",
            "extension_options": [],
            "non_critical_extension_options": [],
        },
        "auth_info": {"signer_infos": [], "fee": fee},
        "signatures": [],
    }
