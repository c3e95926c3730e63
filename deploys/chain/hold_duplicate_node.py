"""Stop nodes whose key must not sign there, hold them, and keep the evidence (docs/double-sign.md):
`pyinfra INVENTORY deploys/chain/hold_duplicate_node.py --limit HOST [--dry]`.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_node

operations.hold_duplicate(
    planned=planned_node("hold.duplicate"), name="hold the second holder", _sudo=True
)
