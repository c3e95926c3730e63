"""One look at the chain while a plan is applied: for gates, the live display and the plot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from remediations.engine.plan.plan import Plan
from remediations.playbooks.chain.baseline import ChainBaseline, ChainNodes
from remediations.reach.connection import Reach
from remediations.systems.comet.pulse import Pulse, heights
from remediations.systems.comet.values import NodePlace


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


async def poll(reach: Reach, plan: Plan) -> Snapshot:
    """One look at every node of the plan."""
    nodes = plan.part(ChainNodes).nodes
    pulses = await heights(reach, [(node.host, node.rpc_url) for node in nodes])
    hosts = tuple(
        HostSnapshot(
            host=node.host,
            height=pulse.status.height if pulse.status else None,
            catching_up=pulse.status.catching_up if pulse.status else None,
        )
        for node in nodes
        for pulse in (pulses[node.host],)
    )
    round_, online = _votes(list(pulses.values()), nodes)
    total = plan.part(ChainBaseline).total_power
    return Snapshot(hosts=hosts, round=round_, online_power=online, total_power=total)


def _votes(pulses: Sequence[Pulse], nodes: Sequence[NodePlace]) -> tuple[int, int]:
    """The highest round of the highest height, and the power of nodes that answer and follow. A
    display value: what decides is read by `observe`."""
    rounds = [(p.round.height, p.round.round) for p in pulses if p.round is not None]
    top = max((p.status.height for p in pulses if p.status is not None), default=0)
    alive = {p.status.address for p in pulses if p.status and p.status.height >= top - 1}
    online = sum(node.power for node in nodes if node.address in alive)
    return (max(rounds)[1] if rounds else 0), online


Poll = Callable[[], Awaitable[Snapshot]]
