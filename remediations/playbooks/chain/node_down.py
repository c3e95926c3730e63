"""node-down: one node (full node, standby, validator) is not what it should be.

Differs from INC-001 in that voting power may be zero; and it refuses validators while the chain is
halted, because then they are to be started together (INC-001).
"""

from __future__ import annotations

from remediations.engine.domain import Branch, Playbook, Situation
from remediations.engine.find.finding import ChainClass
from remediations.engine.plan.plan import Risk
from remediations.engine.plan.proposal import Proposal
from remediations.playbooks.chain.restart import (
    checks_for,
    left_disabled,
    moves,
    one_at_a_time,
    restartable,
)
from remediations.render.words import some

GOES_ON = frozenset(
    {ChainClass.HEALTHY, ChainClass.DEGRADED, ChainClass.LOCAL_DIVERGENCE, ChainClass.SLOW}
)


def _fits(situation: Situation) -> str | None:
    if situation.finding.chain not in GOES_ON:
        return f"the chain does not go on ({situation.finding.chain}): use INC-001"
    if not restartable(situation, validators_only=False):
        return "no node is down in a way that a restart cures"
    return None


def _propose(situation: Situation) -> Proposal:
    order = moves(restartable(situation, validators_only=False), situation.finding)
    return Proposal(
        playbook="node-down",
        branch="restart-node",
        title=f"bring back {some([move.host for move in order])}",
        stages=one_at_a_time(situation, order),
        checks=checks_for(order),
        risk=Risk.MEDIUM if any(move.power for move in order) else Risk.LOW,
        worst_case="a node does not come back and stays down, as it is now",
        warnings=left_disabled(situation, order),
    )


PLAYBOOK = Playbook(
    id="node-down",
    title="Node down",
    alerts=("NodeDown",),
    branches=(
        Branch(
            name="restart-node",
            title="Start or restart what is down, one at a time",
            condition="blocks go on, and a node is down",
            fits=_fits,
            propose=_propose,
        ),
    ),
)
