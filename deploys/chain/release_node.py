"""Let held nodes go, and start them:
`pyinfra INVENTORY deploys/chain/release_node.py --limit HOST [--dry]`.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_node

operations.release(planned=planned_node("release"), name="let the node go", _sudo=True)
