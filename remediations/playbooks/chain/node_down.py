"""node-down: one node (full node, standby, validator) is not what it should be.

Differs from INC-001 in that voting power may be zero; and it refuses validators while the chain is
halted, because then they are to be started together (INC-001).
"""

from __future__ import annotations

from remediations.engine.domain import Branch, Playbook, Proposal
from remediations.engine.plan.plan import Risk
from remediations.playbooks.chain.finding import ChainClass
from remediations.playbooks.chain.restart import (
    checks_for,
    left_disabled,
    one_at_a_time,
    restartable,
)
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some

GOES_ON = frozenset(
    {ChainClass.HEALTHY, ChainClass.DEGRADED, ChainClass.LOCAL_DIVERGENCE, ChainClass.SLOW}
)


def _fits(chain: ChainSituation) -> str | None:
    if chain.finding.chain not in GOES_ON:
        return f"the chain does not go on ({chain.finding.chain}): use INC-001"
    if not restartable(chain, validators_only=False):
        return "no node is down in a way that a restart cures"
    return None


def _propose(chain: ChainSituation) -> Proposal[ChainSituation]:
    order = restartable(chain, validators_only=False)
    return Proposal(
        title=f"bring back {name_some([node.host for node in order])}",
        stages=one_at_a_time(order),
        checks=checks_for(order),
        risk=Risk.MEDIUM if any(node.power for node in order) else Risk.LOW,
        worst_case="a node does not come back and stays down, as it is now",
        warnings=left_disabled(order),
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
