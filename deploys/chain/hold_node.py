"""Stop nodes, and keep everybody from starting them (docs/deploys.md):
`pyinfra INVENTORY deploys/chain/hold_node.py --limit HOST [--dry]`.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_node

operations.hold(planned=planned_node("hold"), name="hold the node", _sudo=True)
