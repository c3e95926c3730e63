"""What every kind of fault stands on: the hosts, and how each fault is undone."""

from __future__ import annotations

from collections.abc import Callable

from tests.lab.machine import Machine
from tests.lab.net import LabNet
from tests.lab.shell import LabError
from tests.lab.spec import NODES, NodeSpec
from tests.lab.world import World

Undo = Callable[[], object]


class Faults:
    """Faults are methods `break_…`, one line each in a test; `heal` undoes all, the last first."""

    hosts: dict[str, Machine]
    world: World
    net: LabNet

    def __init__(self) -> None:
        self._undo: list[tuple[Undo, bool]] = []

    def heal(self, *, hosts_only: bool = False) -> None:
        """Undo every fault. What lies in the chain for ever (evidence) only `pristine` makes new.

        With `hosts_only` faults of the nodes stay: homes and units are about to be replaced.
        """
        while self._undo:
            undo, of_node = self._undo.pop()
            if not (hosts_only and of_node):
                undo()

    def node(self, host: str) -> NodeSpec:
        """The chain node of a host."""
        spec = self.hosts[host].spec.node
        if spec is None:
            raise LabError(f"{host} has no chain node")
        return spec

    def unit(self, host: str) -> str:
        """The systemd unit of a host's node."""
        return self.node(host).unit

    def systemctl(self, host: str, *words: str, check: bool = True) -> str:
        """`systemctl` on a host."""
        return self.hosts[host].sh(f"systemctl {' '.join(words)}", check=check)

    def start(self, *hosts: str) -> None:
        """Start nodes, if their hosts are on."""
        for host in hosts:
            if self.hosts[host].init() is not None:
                self.systemctl(host, "reset-failed", self.unit(host), check=False)
                self.systemctl(host, "start", self.unit(host), check=False)

    def restart(self, *hosts: str) -> None:
        """Stop all, then start all."""
        self.stop(*hosts)
        self.start(*hosts)

    def stop(self, *hosts: str) -> None:
        """Stop nodes, frozen and looping ones, too."""
        for host in hosts:
            if self.hosts[host].init() is not None:
                self.systemctl(host, "stop", self.unit(host), check=False)

    def mend_host(self, undo: Undo) -> None:
        """Remember how to undo what was just broken on a host or in the network."""
        self._undo.append((undo, False))

    def mend_node(self, undo: Undo) -> None:
        """Remember how to undo what was just broken within a node's home or unit."""
        self._undo.append((undo, True))

    @staticmethod
    def validators() -> tuple[str, ...]:
        """All validators, most power first."""
        return tuple(s.name for s in NODES if s.node is not None and s.node.power)
