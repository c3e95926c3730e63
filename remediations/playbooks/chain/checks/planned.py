"""What the chain's checks need to know of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from remediations.engine.plan.plan import Plan
from remediations.playbooks.chain.baseline import ChainBaseline, ChainNodes
from remediations.playbooks.chain.jail_facts import UNJAILS
from remediations.playbooks.chain.look import held_nodes
from remediations.systems.comet.values import NodeLocation


@dataclass(frozen=True, kw_only=True)
class PlannedChain:
    """The state before, the nodes, those that were stopped and held, the hosts that were acted on
    and should be up, and those among them whose validator was unjailed."""

    baseline: ChainBaseline
    targets: tuple[NodeLocation, ...]
    held: tuple[NodeLocation, ...]
    acting: tuple[str, ...]
    freed: tuple[str, ...] = ()

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Read from the parts of `plan`.

        Raises:
            ValueError: it is not a plan for a chain.
        """
        held = held_nodes(plan)
        return cls(
            baseline=plan.part(ChainBaseline),
            targets=plan.part(ChainNodes).nodes,
            held=held,
            acting=tuple(host for host in plan.targets if host not in {one.host for one in held}),
            freed=tuple(
                step.target
                for stage in plan.stages
                for step in stage.steps
                if step.action == UNJAILS
            ),
        )
