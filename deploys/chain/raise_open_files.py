"""Let a node's unit open more files, from its next start on (docs/disk.md#open-files):
`pyinfra INVENTORY deploys/chain/raise_open_files.py --limit HOST [--dry]`.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_limit

operations.raise_open_files(planned=planned_limit(), name="raise the open files", _sudo=True)
