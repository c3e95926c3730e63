"""When a gate is open. Pure: a gate and a snapshot in, an answer with its reason out."""

from __future__ import annotations

from dataclasses import dataclass

from remediations.engine.apply.look import Verdict
from remediations.engine.plan.plan import Gate, GateKind

FOLLOWS_WITHIN = 1
"""Blocks behind the highest node that still count as following."""


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


def judge_gate(gate: Gate, snapshot: Snapshot) -> Verdict:
    """The gate against one snapshot. A host that does not answer keeps it shut; so does no host."""
    waiting = [host for host in gate.hosts if not _ready(gate, snapshot.of(host), snapshot)]
    seen = ", ".join(f"{host} {_height(snapshot.of(host))}" for host in gate.hosts)
    return Verdict(bool(gate.hosts) and not waiting, f"{seen}; highest {snapshot.top}")


def _ready(gate: Gate, host: HostSnapshot | None, snapshot: Snapshot) -> bool:
    if host is None or host.height is None:
        return False
    if gate.kind is GateKind.CHAIN_ADVANCES:
        return host.height > gate.height
    return host.catching_up is False and host.height >= snapshot.top - FOLLOWS_WITHIN


def _height(host: HostSnapshot | None) -> str:
    return "silent" if host is None or host.height is None else str(host.height)
