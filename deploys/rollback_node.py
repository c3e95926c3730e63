"""Take back the execution of the newest block, on nodes that are held:
`pyinfra INVENTORY deploys/rollback_node.py --limit HOST [--dry]`.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_node

operations.rollback(planned=planned_node("rollback"), name="roll the node back", _sudo=True)
