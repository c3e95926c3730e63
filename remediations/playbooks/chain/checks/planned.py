"""What the chain's checks need to know of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from remediations.engine.plan.plan import Plan
from remediations.playbooks.chain.baseline import ChainBaseline, ChainNodes
from remediations.playbooks.chain.jail_facts import UNJAILS
from remediations.playbooks.chain.look import held_nodes
from remediations.playbooks.chain.sync_facts import SETS_ASIDE, parse_trusted
from remediations.systems.comet.state_sync import aside_name, sync_key
from remediations.systems.comet.values import NodeLocation


@dataclass(frozen=True, kw_only=True)
class SyncedNode:
    """A node that was rebuilt by state sync: what has to stand below [statesync] afterwards, and
    the directory below data/ that has its former databases."""

    host: str
    settings: str
    aside: str


def synced_nodes(plan: Plan) -> tuple[SyncedNode, ...]:
    """Those of a plan, by its steps and facts."""
    facts = {fact.name: fact.value for fact in plan.facts}
    steps = [step for stage in plan.stages for step in stage.steps if step.action == SETS_ASIDE]
    found = []
    for step in steps:
        key = sync_key(facts["chain.id"], *parse_trusted(facts["chain.trusted"]))
        found.append(
            SyncedNode(
                host=step.target,
                settings=facts[f"{step.target}.statesync"],
                aside=aside_name(key),
            )
        )
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class PlannedChain:
    """The state before, the nodes, those that were stopped and held, the hosts that were acted on
    and should be up, those among them whose validator was unjailed, and those that were rebuilt by
    state sync."""

    baseline: ChainBaseline
    targets: tuple[NodeLocation, ...]
    held: tuple[NodeLocation, ...]
    acting: tuple[str, ...]
    freed: tuple[str, ...] = ()
    synced: tuple[SyncedNode, ...] = ()

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
            synced=synced_nodes(plan),
        )
