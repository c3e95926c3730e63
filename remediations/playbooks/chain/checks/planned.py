"""What the chain's checks need to know of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from remediations.engine.plan.plan import Plan
from remediations.playbooks.chain.baseline import ChainBaseline, ChainNodes
from remediations.playbooks.chain.jail_facts import UNJAILS
from remediations.systems.comet.values import NodeLocation


@dataclass(frozen=True, kw_only=True)
class PlannedChain:
    """The state before, the nodes, the hosts that were acted on, and those among them whose
    validator was unjailed."""

    baseline: ChainBaseline
    targets: tuple[NodeLocation, ...]
    acting: tuple[str, ...]
    freed: tuple[str, ...] = ()

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Read from the parts of `plan`.

        Raises:
            ValueError: it is not a plan for a chain.
        """
        return cls(
            baseline=plan.part(ChainBaseline),
            targets=plan.part(ChainNodes).nodes,
            acting=plan.targets,
            freed=tuple(
                step.target
                for stage in plan.stages
                for step in stage.steps
                if step.action == UNJAILS
            ),
        )
