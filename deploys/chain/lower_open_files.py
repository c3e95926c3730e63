"""Take back `raise_open_files.py`, from the unit's next start on (docs/disk.md#open-files):
`pyinfra INVENTORY deploys/chain/lower_open_files.py --limit HOST [--dry]`.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_limit

operations.lower_open_files(
    planned=planned_limit("raise.undo"), name="open files as before", _sudo=True
)
