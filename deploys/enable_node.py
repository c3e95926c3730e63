"""Let nodes come back after a reboot: `pyinfra INVENTORY deploys/enable_node.py --limit HOST`."""

from remediations.operations import node
from remediations.operations.preflight import planned_node

node.enable(planned=planned_node("enable"), name="enable the node's unit", _sudo=True)
