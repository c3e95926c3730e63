"""node-down: a full node, a standby or a validator does not do its work.

Unlike INC-001 it also takes nodes without voting power. It does not fit while the chain is halted:
the missing validators must then be started together (INC-001).
"""

from __future__ import annotations

from remediations.engine.domain import Branch, Playbook, Proposal
from remediations.engine.plan.measured import Measured
from remediations.engine.plan.plan import Risk
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.free_space import FREE_SPACE_GOING_ON
from remediations.playbooks.chain.install import BEHIND
from remediations.playbooks.chain.mend import MEND_CUT_OFF
from remediations.playbooks.chain.open_files import RAISE_OPEN_FILES_GOING_ON
from remediations.playbooks.chain.rebuild import COPY_DATABASES, REBUILD
from remediations.playbooks.chain.restart import (
    checks_for,
    disabled_warnings,
    restartable,
    rolling_stages,
)
from remediations.playbooks.chain.situation import ChainSituation
from remediations.playbooks.chain.state_sync import SYNC_STATE
from remediations.render.formats import name_some


def _fits(chain: ChainSituation) -> str | None:
    if chain.finding.chain is ChainClass.DOUBLE_SIGNING:
        return "a key signs twice now: `remediate plan double-sign` first"
    if not chain.finding.chain.rule.goes_on:
        return f"the chain does not go on ({chain.finding.chain}): use INC-001"
    if not restartable(chain, validators_only=False):
        return "no node is down in a way that a restart cures"
    return None


def _propose(chain: ChainSituation) -> Proposal[ChainSituation]:
    order = restartable(chain, validators_only=False)
    return Proposal(
        title=f"bring back {name_some([node.host for node in order])}",
        stages=rolling_stages(order),
        checks=checks_for(order),
        risk=Risk.MEDIUM if any(node.power for node in order) else Risk.LOW,
        worst_case="a node does not come back and stays down, as it is now",
        warnings=disabled_warnings(order),
    )


PLAYBOOK = Playbook(
    id="node-down",
    title="Node down",
    alerts=(
        "NodeDown",
        "NodeFlapping",
        "NodeSyncStuck",
        "VotingPowerMissing",
        "ValidatorMissingBlocks",
        "ChainMetricsMissing",
        "NodeMetricsMissing",
    ),
    branches=(
        COPY_DATABASES,
        REBUILD,
        SYNC_STATE,
        MEND_CUT_OFF,
        FREE_SPACE_GOING_ON,
        RAISE_OPEN_FILES_GOING_ON,
        Branch(
            name="restart-node",
            title="Start or restart what is down, one at a time",
            condition="blocks go on, and a node is down",
            fits=_fits,
            propose=_propose,
            measured=Measured(gate_s=7, verified_s=10),
        ),
        BEHIND,
    ),
)
