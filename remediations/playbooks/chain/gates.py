"""The chain's gates: what each asks for, and when it is open. Pure."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from remediations.engine.plan.plan import Gate
from remediations.playbooks.chain.look import HostSnapshot, Snapshot
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


class Verdict(NamedTuple):
    """Whether the gate is open, and what was seen."""

    open: bool
    seen: str


def judge_gate(gate: Gate, snapshot: Snapshot) -> Verdict:
    """The gate against one snapshot. A host that does not answer keeps it shut; so does no host.

    Raises:
        ValueError: it is not a gate of the chain.
    """
    if gate.asks.kind == Advances.KIND:
        advances = gate.asks.read(Advances)
        hosts, above = advances.hosts, advances.height
        ready = [host for host in hosts if (_height(snapshot.of(host)) or 0) > above]
    else:
        hosts = gate.asks.read(Follows).hosts
        ready = [host for host in hosts if _follows(snapshot.of(host), snapshot)]
    seen = ", ".join(f"{host} {_shown(snapshot.of(host))}" for host in hosts)
    return Verdict(bool(hosts) and len(ready) == len(hosts), f"{seen}; highest {snapshot.top}")


def _follows(host: HostSnapshot | None, snapshot: Snapshot) -> bool:
    if host is None or host.height is None:
        return False
    return host.catching_up is False and host.height >= snapshot.top - FOLLOWS_WITHIN


def _height(host: HostSnapshot | None) -> int | None:
    return None if host is None else host.height


def _shown(host: HostSnapshot | None) -> str:
    height = _height(host)
    return "silent" if height is None else str(height)
