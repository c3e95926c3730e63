"""When a gate is open. Pure: from a gate and a snapshot to a verdict with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from remediations.engine.apply.look import GateVerdict
from remediations.engine.plan.plan import Gate
from remediations.values.part import Kinded

FOLLOWS_WITHIN = 1
"""A node that is at most this many blocks behind the highest one follows."""


class Follows(Kinded, frozen=True, kw_only=True):
    """Opens when all of `hosts` answer and have caught up."""

    KIND: ClassVar[str] = "chain.follows/1"

    hosts: tuple[str, ...]


class Synced(Kinded, frozen=True, kw_only=True):
    """Opens when all of `hosts` answer and have caught up, as `Follows`: for nodes that get a
    snapshot first. What they say last is told meanwhile."""

    KIND: ClassVar[str] = "chain.synced/1"

    hosts: tuple[str, ...]


class Answers(Kinded, frozen=True, kw_only=True):
    """Opens when all of `hosts` answer, wherever they are: for nodes that alone cannot follow."""

    KIND: ClassVar[str] = "chain.answers/1"

    hosts: tuple[str, ...]


class Advances(Kinded, frozen=True, kw_only=True, omit_defaults=True):
    """Opens when every one of `hosts` has a block above `height`; where a state is named, only if
    somebody shows that it is the one after `height`, and nobody another one. `app_hash` is
    upper-case hex, "" for any."""

    KIND: ClassVar[str] = "chain.advances/1"

    hosts: tuple[str, ...]
    height: int
    app_hash: str = ""


class Stopped(Kinded, frozen=True, kw_only=True):
    """Opens when none of `hosts` answers: nothing came back by itself. That they are down is what
    the steps before have seen on each host."""

    KIND: ClassVar[str] = "chain.stopped/1"

    hosts: tuple[str, ...]


class Bonded(Kinded, frozen=True, kw_only=True):
    """Opens when all of `hosts` have power and follow: nodes whose validator came back."""

    KIND: ClassVar[str] = "chain.bonded/1"

    hosts: tuple[str, ...]


class GoesOnWithout(Kinded, frozen=True, kw_only=True):
    """Opens when none of `stopped` answers, and every one of `hosts` has a block above `height`:
    the chain goes on without what was stopped. Without `hosts` nobody is asked for a block."""

    KIND: ClassVar[str] = "chain.without/1"

    stopped: tuple[str, ...]
    hosts: tuple[str, ...]
    height: int


@dataclass(frozen=True, kw_only=True)
class HostSnapshot:
    """What one node answered; None where it did not. `says` is what its journal said last, where
    that is asked for; `states` are the app hashes that it told, each after a height."""

    host: str
    height: int | None
    catching_up: bool | None
    power: int | None = None
    says: str = ""
    states: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The set at one moment. `round` is None if no node reported it; `online_power` is the power of
    the nodes that answer and follow. `split` is why no block can follow, whoever else still
    answers: states that differ; "" where that is not proven."""

    hosts: tuple[HostSnapshot, ...]
    round: int | None
    online_power: int
    total_power: int
    split: str = ""

    @property
    def top(self) -> int:
        """The highest height that a node answered with, 0 if none answered."""
        return max((h.height for h in self.hosts if h.height is not None), default=0)

    def of(self, host: str) -> HostSnapshot | None:
        """The snapshot of one host, None if it was not asked."""
        return next((h for h in self.hosts if h.host == host), None)


def judge_gate(gate: Gate, snapshot: Snapshot) -> GateVerdict:
    """Whether a snapshot opens the gate. A host that does not answer keeps it shut, and so does an
    empty list of hosts.

    Raises:
        ValueError: it is not a gate of the chain.
    """
    hopeless = lacks = ""
    if gate.asks.kind == Advances.KIND:
        advances = gate.asks.read(Advances)
        hosts = advances.hosts
        ready = [host for host in hosts if _height_of(host, snapshot) > advances.height]
        others, lacks = _other_states(advances, snapshot)
        hopeless = others or snapshot.split
    elif gate.asks.kind == GoesOnWithout.KIND:
        without = gate.asks.read(GoesOnWithout)
        hosts = (*without.stopped, *without.hosts)
        ready = [host for host in without.stopped if not _answers(snapshot.of(host))]
        ready += [host for host in without.hosts if _height_of(host, snapshot) > without.height]
    elif gate.asks.kind == Stopped.KIND:
        hosts = gate.asks.read(Stopped).hosts
        ready = [host for host in hosts if not _answers(snapshot.of(host))]
    elif gate.asks.kind == Bonded.KIND:
        hosts = gate.asks.read(Bonded).hosts
        ready = [host for host in hosts if _has_power(host, snapshot)]
    elif gate.asks.kind == Answers.KIND:
        hosts = gate.asks.read(Answers).hosts
        ready = [host for host in hosts if _height_of(host, snapshot)]
    elif gate.asks.kind == Synced.KIND:
        hosts = gate.asks.read(Synced).hosts
        ready = [host for host in hosts if _follows(snapshot.of(host), snapshot)]
    else:
        hosts = gate.asks.read(Follows).hosts
        ready = [host for host in hosts if _follows(snapshot.of(host), snapshot)]
    seen = ", ".join(
        f"{host} {_shown(snapshot.of(host))}{_said(snapshot.of(host)) if host not in ready else ''}"
        for host in hosts
    )
    opened = bool(hosts) and len(ready) == len(hosts) and not lacks
    seen = f"{seen}; highest {snapshot.top}{lacks}"
    return GateVerdict(opened, seen, "" if opened else hopeless)


def _other_states(gate: Advances, snapshot: Snapshot) -> tuple[str, str]:
    """Why the state that people signed cannot come any more, since a node has another one after
    that height; and what is lacking for the gate. A state after a block does not change by itself,
    so one that is other stays so."""
    if not gate.app_hash:
        return "", ""
    told = {host.host: host.states.get(gate.height, "") for host in snapshot.hosts}
    others = [h for h in gate.hosts if told.get(h) and told[h] != gate.app_hash]
    if others:
        says = f"after block {gate.height} another state than the plan names: "
        says += ", ".join(f"{host} {told[host][:12]}" for host in others)
        says += f"; expected {gate.app_hash[:12]}"
        return says, f"; {says}"
    if gate.app_hash in told.values():
        return "", ""
    return "", f"; nobody tells the state after {gate.height} yet, expected {gate.app_hash[:12]}"


def _height_of(host: str, snapshot: Snapshot) -> int:
    """0 if it did not answer: no gate asks for less."""
    found = snapshot.of(host)
    return 0 if found is None or found.height is None else found.height


def _has_power(host: str, snapshot: Snapshot) -> bool:
    found = snapshot.of(host)
    return found is not None and bool(found.power) and _follows(found, snapshot)


def _follows(host: HostSnapshot | None, snapshot: Snapshot) -> bool:
    if host is None or host.height is None:
        return False
    return host.catching_up is False and host.height >= snapshot.top - FOLLOWS_WITHIN


def _answers(host: HostSnapshot | None) -> bool:
    return host is not None and host.height is not None


def _shown(host: HostSnapshot | None) -> str:
    return "silent" if host is None or host.height is None else str(host.height)


def _said(host: HostSnapshot | None) -> str:
    return f" (it says: {host.says})" if host is not None and host.says else ""
