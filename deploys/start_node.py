"""Start nodes that are down: `pyinfra INVENTORY deploys/start_node.py --limit HOST [--dry]`."""

from remediations.operations import node
from remediations.operations.preflight import planned_node

node.start(planned=planned_node("start"), name="start the node", _sudo=True)
