"""The chain's domain with a branch that leaves two choices to people, and one that leaves none."""

from __future__ import annotations

from dataclasses import replace

from remediations.engine.domain import NO_INPUTS, Branch, Input, Inputs, Playbook, Proposal
from remediations.engine.plan.build import PlanBuilder
from remediations.engine.plan.plan import Fact, Plan, Rule
from remediations.engine.plan.planning import make_plan
from remediations.playbooks.chain.domain import DOMAIN
from remediations.playbooks.chain.facts import chain_facts
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.reading import CometReading, sealed
from tests.unit.plan.cases import installed, maker

TAKES, TAKES_NONE = "start-missing-together", "restart-minority"
PLAIN = installed("INC-001").playbook


def _height(text: str) -> str:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("a height, as digits")
    return str(int(text))


TO_HEIGHT = Input(
    name="to-height", metavar="HEIGHT", help="The last block that is kept.", parse=_height
)
WORD = Input(name="word", metavar="WORD", help="Any word.", parse=lambda text: text)


def _propose(chain: ChainSituation) -> Proposal[ChainSituation]:
    proposal = _branch(TAKES).propose(chain)
    height = chain.inputs.get("to-height")
    title = f"{proposal.title}, back to {height}" if height else proposal.title
    return replace(proposal, title=title)


def _branch(name: str) -> Branch[ChainSituation]:
    return next(branch for branch in PLAIN.branches if branch.name == name)


def _facts(chain: ChainSituation) -> tuple[Fact, ...]:
    chosen = (
        Fact(
            name=f"people.{name}",
            value=value,
            rule=Rule.EQUAL,
            why="as people decided",
            source=f"--{name}",
            at=chain.observation.ended,
        )
        for name, value in chain.inputs.items()
    )
    return (*chain_facts(chain), *chosen)


PLAYBOOK = Playbook(
    id=PLAIN.id,
    title=PLAIN.title,
    alerts=PLAIN.alerts,
    branches=(
        replace(_branch(TAKES), propose=_propose, inputs=(WORD, TO_HEIGHT)),
        _branch(TAKES_NONE),
    ),
)
HAVE_ITS_BRANCHES = (PLAYBOOK.id, "consensus-failure")
"""The others are as they are; this one has the true branches under the same names."""
CHOOSING = replace(
    DOMAIN,
    facts=_facts,
    playbooks=(PLAYBOOK, *(one for one in DOMAIN.playbooks if one.id not in HAVE_ITS_BRANCHES)),
)


def choosing() -> PlanBuilder:
    """What makes plans with it."""
    return replace(maker(), domain=CHOOSING, playbook=PLAYBOOK)


def chosen_plan(world: CometReading, inputs: Inputs = NO_INPUTS, branch: str | None = None) -> Plan:
    """The plan for a world with these choices."""
    return make_plan(choosing(), branch, sealed(world), frozenset(), inputs=inputs)
