"""When a gate is open. Pure: a gate and a snapshot in, an answer with its reason out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from remediations.engine.apply.look import GateVerdict
from remediations.engine.plan.plan import Gate
from remediations.values.part import Kinded

FOLLOWS_WITHIN = 1
"""Blocks behind the highest node that still count as following."""


class Follows(Kinded, frozen=True, kw_only=True):
    """Hosts answer and have caught up."""

    KIND: ClassVar[str] = "chain.follows/1"

    hosts: tuple[str, ...]


class Advances(Kinded, frozen=True, kw_only=True):
    """A new block above `height` on every one of `hosts`."""

    KIND: ClassVar[str] = "chain.advances/1"

    hosts: tuple[str, ...]
    height: int


@dataclass(frozen=True, kw_only=True)
class HostSnapshot:
    """What one node said. None where it did not answer."""

    host: str
    height: int | None
    catching_up: bool | None


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The set at one moment. `round` is None where nobody told it, `online_power` the power of
    those that answer and follow."""

    hosts: tuple[HostSnapshot, ...]
    round: int | None
    online_power: int
    total_power: int

    @property
    def top(self) -> int:
        """The highest height that was answered, 0 when nobody did."""
        return max((h.height for h in self.hosts if h.height is not None), default=0)

    def of(self, host: str) -> HostSnapshot | None:
        """The snapshot of one host, if it was asked."""
        return next((h for h in self.hosts if h.host == host), None)


def judge_gate(gate: Gate, snapshot: Snapshot) -> GateVerdict:
    """The gate against one snapshot. A host that does not answer keeps it shut; so does no host.

    Raises:
        ValueError: it is not one of the chain's gates.
    """
    if gate.asks.kind == Advances.KIND:
        advances = gate.asks.read(Advances)
        hosts = advances.hosts
        ready = [host for host in hosts if _height_of(host, snapshot) > advances.height]
    else:
        hosts = gate.asks.read(Follows).hosts
        ready = [host for host in hosts if _follows(snapshot.of(host), snapshot)]
    seen = ", ".join(f"{host} {_shown(snapshot.of(host))}" for host in hosts)
    return GateVerdict(bool(hosts) and len(ready) == len(hosts), f"{seen}; highest {snapshot.top}")


def _height_of(host: str, snapshot: Snapshot) -> int:
    """0 where it did not answer: no gate asks for less."""
    found = snapshot.of(host)
    return 0 if found is None or found.height is None else found.height


def _follows(host: HostSnapshot | None, snapshot: Snapshot) -> bool:
    if host is None or host.height is None:
        return False
    return host.catching_up is False and host.height >= snapshot.top - FOLLOWS_WITHIN


def _shown(host: HostSnapshot | None) -> str:
    return "silent" if host is None or host.height is None else str(host.height)
