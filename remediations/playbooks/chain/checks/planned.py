"""What the chain's checks need of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from remediations.engine.plan.plan import Plan
from remediations.playbooks.chain.baseline import ChainBaseline, ChainNodes
from remediations.systems.comet.values import NodeLocation


@dataclass(frozen=True, kw_only=True)
class PlannedChain:
    """How things stood, where the nodes are, and on which hosts something ran."""

    baseline: ChainBaseline
    targets: tuple[NodeLocation, ...]
    acting: tuple[str, ...]

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Read once, from the plan's parts.

        Raises:
            ValueError: it is not a plan of the chain.
        """
        return cls(
            baseline=plan.part(ChainBaseline),
            targets=plan.part(ChainNodes).nodes,
            acting=plan.targets,
        )
