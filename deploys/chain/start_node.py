"""Start nodes that are down:
`pyinfra INVENTORY deploys/chain/start_node.py --limit HOST [--dry]`.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_node

operations.start(planned=planned_node("start"), name="start the node", _sudo=True)
