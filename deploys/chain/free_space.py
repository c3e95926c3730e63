"""Free room for a node whose disk is full (docs/disk.md), and restart nothing:
`pyinfra INVENTORY deploys/chain/free_space.py --limit HOST [--dry]`.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_room

operations.free(planned=planned_room(), name="free room for a node", _sudo=True)
