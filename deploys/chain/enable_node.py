"""Let nodes come back after a reboot:
`pyinfra INVENTORY deploys/chain/enable_node.py --limit HOST`.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_node

operations.enable(planned=planned_node("enable"), name="enable the node's unit", _sudo=True)
