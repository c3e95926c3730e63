"""Faults of the state machine and of what a node says of itself."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab import loopback
from tests.lab.faults import Faults
from tests.lab.homes import edit
from tests.lab.shell import LabError

HIDDEN_OFFSET = 1000
"""From the port in the configuration to the one where the RPC really is."""
RPC_LIMIT_S = 20.0


class ChainFaults(Faults):
    """Wrong app hashes, panics, upgrades, halts, lies."""

    def break_app_hash(self, *hosts: str, at: int) -> None:
        """At height `at` these hosts write another state than the others, each its own. Release 2
        does not."""
        self._fault(hosts, "apphash-at", at)
        self.mend_node(lambda: self._execute_again(hosts))

    def break_determinism(self, *hosts: str, at: int) -> None:
        """At height `at` each execution draws anew: no two hosts, and no two attempts, agree."""
        hosts = hosts or self.validators()
        self._fault(hosts, "nondeterministic-at", at)
        self.mend_node(lambda: self._execute_again(hosts))

    def mend_cause(self, *hosts: str) -> None:
        """What made these hosts' states differ is gone; the states that it made are there."""
        for host in hosts:
            for name in ("apphash-at", "nondeterministic-at"):
                self._fault_file(host, name).unlink(missing_ok=True)

    def break_rollback(self, host: str) -> None:
        """The daemon's `rollback` cannot open what it needs; the daemon that runs does not mind."""
        self._snapshots(host, 0)
        self.mend_node(lambda: self.mend_rollback(host))

    def mend_rollback(self, host: str) -> None:
        """It can again."""
        self._snapshots(host, 0o755)

    def _snapshots(self, host: str, mode: int) -> None:
        self.hosts[host].path(f"{self.node(host).home}/data/snapshots").chmod(mode)

    def break_panic(self, *hosts: str, at: int) -> None:
        """From height `at` on the application panics (on all validators, unless hosts are named).
        Release 2 does not."""
        hosts = hosts or self.validators()
        self._fault(hosts, "panic-at", at)
        self.mend_node(lambda: self.restart(*hosts))

    def break_slow(self, host: str, milliseconds: int) -> None:
        """Every block takes so much longer to execute there."""
        self._fault((host,), "slow-ms", milliseconds)

    def break_halt_height(self, *hosts: str, at: int) -> None:
        """A `halt-height` that somebody left in app.toml: it takes effect at the next start."""
        self._setting(hosts, "app.toml", "halt-height", str(at), "0")

    def break_double_sign_check(self, *hosts: str, blocks: int = 10) -> None:
        """`double_sign_check_height` as the validator guide has it: no start soon after signing."""
        self._setting(hosts, "config.toml", "double_sign_check_height", str(blocks), "0")

    def break_rpc_hangs(self, host: str) -> None:
        """The RPC takes connections and never answers; the node itself goes on signing."""
        self._impostor(host, "hang", 0)

    def break_lie(self, host: str, height: int) -> None:
        """The node's RPC says this height in /status, and the truth elsewhere."""
        self._impostor(host, "lie", height)

    def _fault(self, hosts: tuple[str, ...], name: str, value: int) -> None:
        for host in hosts:
            self._fault_file(host, name).write_text(str(value))

        def remove() -> None:
            for host in hosts:
                self._fault_file(host, name).unlink(missing_ok=True)

        self.mend_node(remove)

    def _fault_file(self, host: str, name: str) -> Path:
        return self.hosts[host].path(f"{self.node(host).home}/faults/{name}")

    def _execute_again(self, hosts: tuple[str, ...]) -> None:
        """Stop, remove the faults, take the last block's execution back, start: nothing is signed
        anew, as the block itself stays."""
        self.stop(*hosts)
        for host in hosts:
            node = self.node(host)
            for fault in self._fault_file(host, "").iterdir():
                fault.unlink()
            self.hosts[host].sh(
                f"runuser -u {node.user} -- {node.binary} rollback --home {node.home}"
            )
        self.start(*hosts)

    def _setting(self, hosts: tuple[str, ...], file: str, key: str, value: str, good: str) -> None:
        def put(value: str) -> None:
            for host in hosts:
                edit(self.hosts[host].path(f"{self.node(host).home}/config/{file}"), {key: value})

        def mend() -> None:
            put(good)
            self.restart(*hosts)

        put(value)
        self.mend_node(mend)

    def _impostor(self, host: str, how: str, height: int) -> None:
        """The node serves its RPC on a hidden port, and an impostor stands where the configuration
        says it is. The world asks at the hidden port."""
        node, init = self.node(host), self.hosts[host].init()
        if init is None:
            raise LabError(f"{host} is off")
        hidden = node.rpc_port + HIDDEN_OFFSET
        self._listen_at(host, hidden)
        self.systemctl(host, "restart", node.unit)
        self.world.moved_rpc[host] = hidden
        _wait(lambda: self.world.height(host) is not None, f"{host}: the RPC at {hidden}")
        self._listen_at(host, node.rpc_port)
        impostor = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),
                *("nsenter", "-t", str(init), "-n", sys.executable),
                *("-m", "tests.lab.impostor", str(node.rpc_port), str(hidden), how, str(height)),
            ],
            cwd=Path(__file__).parents[2],
        )

        _wait(lambda: loopback.listens(init, node.rpc_port), f"{host}: the impostor")

        def mend() -> None:
            impostor.kill()
            impostor.wait()
            del self.world.moved_rpc[host]
            self.systemctl(host, "restart", node.unit, check=False)

        self.mend_host(mend)

    def _listen_at(self, host: str, port: int) -> None:
        config = self.hosts[host].path(f"{self.node(host).home}/config/config.toml")
        edit(config, {"laddr": f'"tcp://127.0.0.1:{port}"'}, "rpc")


def _wait(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + RPC_LIMIT_S
    while not true():
        if time.monotonic() > end:
            raise LabError(f"{what} did not come within {RPC_LIMIT_S} s")
        time.sleep(0.05)
