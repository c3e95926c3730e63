"""One look at the chain while a plan is applied: for gates, the live display, plot and report.

Series: `height` of every node, `round` of the set, `voting power` of those that answer and follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remediations.engine.apply.look import GateVerdict, Mark, Point, Sight, Watch
from remediations.engine.plan.plan import Gate, Plan
from remediations.playbooks.chain.baseline import ChainBaseline, ChainNodes
from remediations.playbooks.chain.gates import HostSnapshot, Snapshot, judge_gate
from remediations.reach.connection import Reach
from remediations.render.formats import percent
from remediations.systems.comet.pulse import Pulse, heights
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.values import NodePlace

HEIGHT, ROUND, POWER = "height", "round", "voting power"


@dataclass(frozen=True, kw_only=True)
class ChainLook:
    """The set at one moment (the `Look` protocol)."""

    snapshot: Snapshot

    @property
    def sight(self) -> Sight:
        """Height, round and power, and whether the power is enough."""
        seen = self.snapshot
        return Sight(
            headline=_headline(seen),
            points=(
                *(Point(series=HEIGHT, subject=h.host, value=h.height) for h in seen.hosts),
                Point(series=ROUND, subject="", value=seen.round),
                Point(series=POWER, subject="online", value=seen.online_power),
            ),
            marks=(
                Mark(series=POWER, label="2/3", value=2 * seen.total_power // 3),
                Mark(series=POWER, label="all", value=seen.total_power),
            ),
        )

    def judge(self, gate: Gate) -> GateVerdict:
        """The gate by this look alone.

        Raises:
            ValueError: it is not one of the chain's gates.
        """
        return judge_gate(gate, self.snapshot)


def watch_chain(plan: Plan, reach: Reach) -> Watch:
    """Looks at every node of the plan, all at once."""
    nodes = plan.part(ChainNodes).nodes
    total = plan.part(ChainBaseline).total_power
    asked = [(node.host, node.rpc_url) for node in nodes]

    async def watch() -> ChainLook:
        return ChainLook(snapshot=snapshot_of(nodes, total, await heights(reach, asked)))

    return watch


def snapshot_of(nodes: Sequence[NodePlace], total: int, pulses: dict[str, Pulse]) -> Snapshot:
    """What the nodes of a plan said, as one snapshot of the set. Pure."""
    hosts = tuple(
        HostSnapshot(
            host=node.host,
            height=pulse.status.height if pulse.status else None,
            catching_up=pulse.status.catching_up if pulse.status else None,
        )
        for node in nodes
        for pulse in (pulses[node.host],)
    )
    return Snapshot(
        hosts=hosts,
        round=_round(list(pulses.values())),
        online_power=_online_power(list(pulses.values()), nodes),
        total_power=total,
    )


def _round(pulses: Sequence[Pulse]) -> int | None:
    """The highest round of the highest height that anybody is at."""
    rounds = [(p.round.height, p.round.round) for p in pulses if p.round is not None]
    return max(rounds)[1] if rounds else None


def _online_power(pulses: Sequence[Pulse], nodes: Sequence[NodePlace]) -> int:
    """The power of nodes that answer and follow. For display: what decides is read by `observe`."""
    top = max((p.status.height for p in pulses if p.status is not None), default=0)
    alive = {p.status.address for p in pulses if p.status and p.status.height >= top - 1}
    return sum(node.power for node in nodes if node.address in alive)


def _headline(seen: Snapshot) -> str:
    top = max((host.height for host in seen.hosts if host.height is not None), default=None)
    share = percent(seen.online_power, seen.total_power)
    quorum = "quorum" if has_quorum(seen.online_power, seen.total_power) else "no quorum"
    return (
        f"height {'?' if top is None else top}, round {'?' if seen.round is None else seen.round}, "
        f"{seen.online_power} of {seen.total_power} ({share}) online: {quorum}"
    )
