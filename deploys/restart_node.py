"""Restart nodes: `pyinfra INVENTORY deploys/restart_node.py --limit HOST [--dry]`."""

from remediations.operations import node
from remediations.operations.preflight import planned_node

node.restart(planned=planned_node("restart"), name="restart the node", _sudo=True)
