"""Copy the databases of nodes, one copy each: by `remediate plan INC-001 --donor HOST`, or
`pyinfra INVENTORY deploys/chain/copy_databases.py --limit HOST [--dry]`.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_copy

operations.copy(planned=planned_copy(), name="copy the node's databases", _sudo=True)
