"""Voting power: in which order nodes are acted on, and what that does to quorum. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from remediations.engine.domain import Proposal
from remediations.engine.plan.impact import Effect, Level, compute_impacts
from remediations.engine.plan.plan import Impact
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.quorum import has_quorum

POWER = "voting power"


def smallest_first(nodes: Iterable[NodeFinding]) -> tuple[NodeFinding, ...]:
    """Rolling order (docs/plan.md#branches): smallest power first, by name among equals."""
    return tuple(sorted(nodes, key=lambda node: (node.power, node.host)))


def levels(chain: ChainSituation) -> tuple[Level, ...]:
    """The power that votes now. Where it has a quorum it must keep one (G29)."""
    online, total = chain.finding.online_power, chain.finding.total_power
    floor = 2 * total // 3 + 1 if has_quorum(online, total) else 0
    return (Level(measure=POWER, now=online, total=total, floor=floor),)


def restarted(chain: ChainSituation, host: str) -> tuple[Effect, ...]:
    """A node that is started, or stopped and started. One whose votes are seen although it answers
    nothing counts as online: restarting it costs its power meanwhile."""
    power = chain.finding.node(host).power
    return (Effect(POWER, power if host in chain.voting else 0, 0, power),)


def untouched(_chain: ChainSituation, _host: str) -> tuple[Effect, ...]:
    """A node whose process goes on as it does, or stays down: no power moves."""
    return ()


def path(chain: ChainSituation, proposal: Proposal[ChainSituation]) -> tuple[Impact, ...]:
    """The voting power around each stage."""
    effects = [
        [effect for move in stage.moves for effect in move.action.effects(chain, move.target)]
        for stage in proposal.stages
    ]
    return tuple(impact for (impact,) in compute_impacts(levels(chain), effects))
