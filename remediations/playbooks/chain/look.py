"""One look at the chain while a plan is applied: for gates, the live display and the plot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class HostSnapshot:
    """What one node said. None where it did not answer."""

    host: str
    height: int | None
    catching_up: bool | None


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The set at one moment. `online_power` is the power that votes in the current round."""

    hosts: tuple[HostSnapshot, ...]
    round: int
    online_power: int
    total_power: int

    @property
    def top(self) -> int:
        """The highest height that was answered, 0 when nobody did."""
        return max((h.height for h in self.hosts if h.height is not None), default=0)

    def of(self, host: str) -> HostSnapshot | None:
        """The snapshot of one host, if it was asked."""
        return next((h for h in self.hosts if h.host == host), None)


Poll = Callable[[], Awaitable[Snapshot]]
