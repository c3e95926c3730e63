"""The chain's gates: what they ask, and when they are open. Pure: a gate and a snapshot in, an
answer with its reason out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from remediations.engine.apply.look import Verdict
from remediations.engine.plan.plan import Gate
from remediations.values.part import Kinded, Part

FOLLOWS_WITHIN = 1
"""Blocks behind the highest node that still count as following."""


class Follows(Kinded, frozen=True, kw_only=True):
    """Every one of `hosts` answers, has caught up, and is at the height of the others."""

    KIND: ClassVar[str] = "chain.follows/1"
    hosts: tuple[str, ...]


class Advances(Kinded, frozen=True, kw_only=True):
    """A block above `height` on every one of `hosts`."""

    KIND: ClassVar[str] = "chain.advances/1"
    hosts: tuple[str, ...]
    height: int


def follows(hosts: tuple[str, ...], *, title: str, timeout_s: int) -> Gate:
    """A gate that opens when all of `hosts` follow."""
    return Gate(title=title, timeout_s=timeout_s, asks=Part.of(Follows(hosts=hosts)))


def advances(hosts: tuple[str, ...], height: int, *, title: str, timeout_s: int) -> Gate:
    """A gate that opens when all of `hosts` have a block above `height`, which may be higher by the
    time of applying: a chain never goes back."""
    asks = Part.of(Advances(hosts=hosts, height=height))
    return Gate(title=title, timeout_s=timeout_s, asks=asks, rises=("height",))


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
    """The gate against one snapshot. A host that does not answer keeps it shut; so does no host.

    Raises:
        ValueError: it is not one of the gates above.
    """
    if gate.asks.kind == Advances.KIND:
        advance = gate.asks.read(Advances)
        above = [host for host in advance.hosts if _above(advance.height, snapshot.of(host))]
        return _verdict(advance.hosts, above, snapshot)
    hosts = gate.asks.read(Follows).hosts
    following = [host for host in hosts if _follows(snapshot.of(host), snapshot)]
    return _verdict(hosts, following, snapshot)


def _above(height: int, host: HostSnapshot | None) -> bool:
    return host is not None and host.height is not None and host.height > height


def _follows(host: HostSnapshot | None, snapshot: Snapshot) -> bool:
    if host is None or host.height is None or host.catching_up is not False:
        return False
    return host.height >= snapshot.top - FOLLOWS_WITHIN


def _verdict(hosts: Sequence[str], ready: Sequence[str], snapshot: Snapshot) -> Verdict:
    seen = ", ".join(f"{host} {_height(snapshot.of(host))}" for host in hosts)
    return Verdict(
        open=bool(hosts) and len(ready) == len(hosts), seen=f"{seen}; highest {snapshot.top}"
    )


def _height(host: HostSnapshot | None) -> str:
    return "silent" if host is None or host.height is None else str(host.height)
