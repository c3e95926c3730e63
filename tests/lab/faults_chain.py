"""Faults of the state machine and of what a node says of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.lab.faults import Faults
from tests.lab.homes import edit

HIDDEN_OFFSET = 1000
"""From the port in the configuration to the one where the RPC really is."""


class ChainFaults(Faults):
    """Wrong app hashes, panics, upgrades, halts, lies."""

    def break_app_hash(self, *hosts: str, at: int) -> None:
        """From `at` on these hosts have another state than the others, each its own."""
        self._fault(hosts, "apphash-at", at)

    def break_determinism(self, *hosts: str, at: int) -> None:
        """At `at` each execution draws anew: no two hosts, and no two attempts, agree."""
        self._fault(hosts or self.validators(), "nondeterministic-at", at)

    def break_panic(self, *hosts: str, at: int) -> None:
        """From `at` on the application panics (everywhere, unless hosts are named)."""
        self._fault(hosts or self.validators(), "panic-at", at)

    def break_slow(self, host: str, milliseconds: int) -> None:
        """Every block takes so much longer to execute."""
        self._fault((host,), "slow-ms", milliseconds)

    def break_halt_height(self, *hosts: str, at: int) -> None:
        """A `halt-height` that somebody left in app.toml; the nodes are restarted with it."""
        self._setting(hosts, "app.toml", "halt-height", str(at), "0")

    def break_double_sign_check(self, *hosts: str, blocks: int = 10) -> None:
        """`double_sign_check_height` as the validator guide sets it: no start soon after signing."""
        self._setting(hosts, "config.toml", "double_sign_check_height", str(blocks), "0")

    def break_rpc_hangs(self, host: str) -> None:
        """The RPC takes connections and never answers; the node itself goes on signing."""
        self._impostor(host, "hang", 0)

    def break_lie(self, host: str, height: int) -> None:
        """The node's RPC says this height in /status, and the truth elsewhere."""
        self._impostor(host, "lie", height)

    def _fault(self, hosts: tuple[str, ...], name: str, value: int) -> None:
        paths = [self.hosts[h].path(f"{self.node(h).home}/faults/{name}") for h in hosts]
        for path in paths:
            path.write_text(str(value))

        def remove() -> None:
            for path in paths:
                path.unlink(missing_ok=True)

        self.later(remove)

    def _setting(self, hosts: tuple[str, ...], file: str, key: str, value: str, good: str) -> None:
        paths = [self.hosts[h].path(f"{self.node(h).home}/config/{file}") for h in hosts]
        for path in paths:
            edit(path, {key: value})

        def mend() -> None:
            for host, path in zip(hosts, paths, strict=True):
                edit(path, {key: good})
                self.start(host)

        self.later(mend)

    def _impostor(self, host: str, how: str, height: int) -> None:
        """The node serves its RPC on a hidden port, and an impostor stands where the configuration
        says it is."""
        node, machine = self.node(host), self.hosts[host]
        config = machine.path(f"{node.home}/config/config.toml")
        hidden = node.rpc_port + HIDDEN_OFFSET
        edit(config, {"laddr": f'"tcp://127.0.0.1:{hidden}"'}, "rpc")
        self.systemctl(host, "restart", node.unit)
        edit_later = {"laddr": f'"tcp://127.0.0.1:{node.rpc_port}"'}
        machine.sh(
            f"for n in $(seq 100); do curl -s 127.0.0.1:{hidden}/health && break; sleep 0.1; done"
        )
        edit(config, edit_later, "rpc")
        impostor = subprocess.Popen(
            [
                *("nsenter", "-t", str(machine.init()), "-n", sys.executable),
                *("-m", "tests.lab.impostor", str(node.rpc_port), str(hidden), how, str(height)),
            ],
            cwd=Path(__file__).parents[2],
        )

        def mend() -> None:
            impostor.kill()
            impostor.wait()
            self.systemctl(host, "restart", node.unit, check=False)

        self.later(mend)
