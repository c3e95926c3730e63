"""Restart nodes: `pyinfra INVENTORY deploys/chain/restart_node.py --limit HOST [--dry]`."""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_node

operations.restart(planned=planned_node("restart"), name="restart the node", _sudo=True)
