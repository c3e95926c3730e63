"""One lab's network: a namespace with a bridge, and a cable to the operator outside.

    operator (root namespace) 10.78.N.1/30 ── 10.78.N.2 namespace, forwards, 10.77.N.1 ── bridge
                                                                   hosts 10.77.N.x ─────────┘

Hosts with a default gateway answer the operator; those behind the bastion have none, so that they
can be reached through the bastion only. Two labs have two numbers N and never meet.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from tests.lab.shell import LabError, run

BRIDGE = "lab"


@dataclass(frozen=True)
class LabNet:
    """The network of lab number `number` (0 to 250)."""

    number: int

    @property
    def namespace(self) -> str:
        """The name of the network namespace."""
        return f"remedy{self.number}"

    @property
    def path(self) -> str:
        """The namespace as a file, for nsenter."""
        return f"/run/netns/{self.namespace}"

    @property
    def cable(self) -> str:
        """The operator's end of the cable."""
        return f"remedy{self.number}op"

    @property
    def gateway(self) -> str:
        """The namespace's address on the bridge."""
        return self.address(1)

    def address(self, octet: int) -> str:
        """A host's address."""
        return f"10.77.{self.number}.{octet}"

    def up(self) -> None:
        """Make it. What a crashed lab of the same number left is removed first."""
        self.down()
        inner = f"{self.cable}n"
        run("ip", "netns", "add", self.namespace)
        run("ip", "link", "add", self.cable, "type", "veth", "peer", "name", inner)
        run("ip", "link", "set", inner, "netns", self.namespace)
        run("ip", "address", "add", f"10.78.{self.number}.1/30", "dev", self.cable)
        run("ip", "link", "set", self.cable, "up")
        self.ip("link", "set", "lo", "up")
        self.ip("link", "add", BRIDGE, "type", "bridge")
        self.ip("address", "add", f"{self.gateway}/24", "dev", BRIDGE)
        self.ip("link", "set", BRIDGE, "up")
        self.ip("address", "add", f"10.78.{self.number}.2/30", "dev", inner)
        self.ip("link", "set", inner, "up")
        self.inside("sysctl", "-qw", "net.ipv4.ip_forward=1")
        run("ip", "route", "add", f"10.77.{self.number}.0/24", "via", f"10.78.{self.number}.2")

    def down(self) -> None:
        """Remove it, whatever there is of it. The route goes with the cable."""
        for command in (
            ("ip", "link", "delete", self.cable),
            ("ip", "netns", "delete", self.namespace),
        ):
            with contextlib.suppress(LabError):
                run(*command)

    def ip(self, *arguments: str) -> str:
        """`ip` inside the namespace."""
        return run("ip", "-n", self.namespace, *arguments)

    def inside(self, *argv: str) -> str:
        """A program inside the namespace. nsenter, not `ip netns exec`: that remounts /sys."""
        return run("nsenter", f"--net={self.path}", *argv)
