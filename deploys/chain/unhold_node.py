"""Take back a hold: `pyinfra INVENTORY deploys/chain/unhold_node.py --limit HOST [--dry]`."""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_node

operations.unhold(planned=planned_node("unhold"), name="take back the hold", _sudo=True)
