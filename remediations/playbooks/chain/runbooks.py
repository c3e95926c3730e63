"""Runbooks whose name says what somebody saw, and not what is wrong: each leads to the branch that
the class of the chain asks for. What a branch proposes follows from the situation alone, so it is
the same one as in the playbook that it was written for.
"""

from __future__ import annotations

from dataclasses import replace

from remediations.engine.domain import Branch, Playbook
from remediations.playbooks.chain.double_sign import PLAYBOOK as DOUBLE_SIGN
from remediations.playbooks.chain.halted import PLAYBOOK as HALTED
from remediations.playbooks.chain.mend import MEND_CUT_OFF, MEND_HALTED
from remediations.playbooks.chain.node_down import PLAYBOOK as NODE_DOWN
from remediations.playbooks.chain.situation import ChainSituation

_GOING_ON = ("restart-node", "install-of-others")
"""What only node-down has: the others are in INC-001 under the same name."""
_CUT_OFF = replace(MEND_CUT_OFF, name="mend-cut-off")


def _of_node_down() -> tuple[Branch[ChainSituation], ...]:
    return tuple(one for one in NODE_DOWN.branches if one.name in _GOING_ON)


CONSENSUS_FAILURE = Playbook(
    id="consensus-failure",
    title="Consensus fails, on one node or on all",
    alerts=("ConsensusRoundsHigh", "NodeBehind"),
    branches=(*DOUBLE_SIGN.branches, *HALTED.branches, _CUT_OFF, *_of_node_down()),
)

NETWORK_PARTITION = Playbook(
    id="network-partition",
    title="Nodes do not reach each other",
    alerts=("NetworkPartition",),
    branches=(MEND_HALTED, _CUT_OFF),
)

PLAYBOOKS = (CONSENSUS_FAILURE, NETWORK_PARTITION)
