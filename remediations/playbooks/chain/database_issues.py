"""database-issues: the disk is full, too few files may be opened, or databases are lost or wrong.

A playbook of its own beside INC-001 and node-down, which have the same branches: whoever is called
for a database knows neither whether the chain goes on nor which node is down, and types what the
runbook is called. What a branch proposes follows from the situation, not from the playbook. A
restart is not among them: without a cause that was removed it is no cure of a database.
"""

from __future__ import annotations

from remediations.engine.domain import Playbook
from remediations.playbooks.chain.free_space import FREE_SPACE
from remediations.playbooks.chain.open_files import RAISE_OPEN_FILES
from remediations.playbooks.chain.rebuild import COPY_DATABASES, REBUILD
from remediations.playbooks.chain.state_sync import SYNC_STATE

PLAYBOOK = Playbook(
    id="database-issues",
    title="State database problems",
    alerts=("NodeDiskFilling", "NodeOpenFilesHigh"),
    branches=(COPY_DATABASES, REBUILD, SYNC_STATE, FREE_SPACE, RAISE_OPEN_FILES),
)
