"""An upgrade that the program in use does not know, and the program that does."""

from __future__ import annotations

import time

from tests.lab.binary import virtengined
from tests.lab.chainnet import install_binary
from tests.lab.client import Client
from tests.lab.cosmovisor import place_below
from tests.lab.shell import LabError
from tests.lab.spec import NODES

PLAN = "v2"
"""The upgrade that release 2 knows."""


class UpgradeFaults(Client):
    """Upgrade needed; another release."""

    def break_upgrade(self, *, at: int, name: str = PLAN, info: str = "") -> None:
        """The chain schedules an upgrade for height `at`, some blocks ahead, where release 1 stops
        everywhere; `info` is what it says of the upgrade's programs. It ends with release 2 on all:
        `install_release`.

        Raises:
            LabError: the chain did not take it.
        """
        self.submit(lambda authority: _schedule(authority, name, at, info))
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


def _schedule(authority: str, name: str, height: int, info: str) -> dict[str, object]:
    return {
        "@type": "/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade",
        "authority": authority,
        "plan": {"name": name, "height": str(height), "info": info},
    }
