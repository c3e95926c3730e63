"""When a gate is open. Pure: a gate and a snapshot in, an answer with its reason out."""

from __future__ import annotations

from typing import NamedTuple

from remediations.engine.plan.plan import Gate, GateKind
from remediations.playbooks.chain.look import HostSnapshot, Snapshot

FOLLOWS_WITHIN = 1
"""Blocks behind the highest node that still count as following."""


class Verdict(NamedTuple):
    """Whether the gate is open, and what was seen."""

    open: bool
    seen: str


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
