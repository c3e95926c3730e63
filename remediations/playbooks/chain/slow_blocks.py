"""slow-blocks: blocks come, and too late (the alert ChainBlockTimeSlow; docs/slow-blocks.md).

The diagnosis names whose proposals or votes are missing. A proposer that is down, frozen or cut off
is brought back like any node, one at a time and with the quorum kept: the branches are those of
node-down. Where every node is well, nothing is restarted: a process that is slow under load is as
slow after a restart, and its votes are missing meanwhile. Then the refusal hands out what was read.
"""

from __future__ import annotations

from remediations.engine.domain import Playbook
from remediations.playbooks.chain.node_down import PLAYBOOK as NODE_DOWN

PLAYBOOK = Playbook(
    id="slow-blocks",
    title="Blocks come too slowly",
    alerts=("ChainBlockTimeSlow",),
    branches=NODE_DOWN.branches,
)
