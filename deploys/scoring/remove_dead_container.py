"""Remove a dead container that keeps its name from its unit, and start the unit (docs/scoring.md):
`pyinfra INVENTORY deploys/scoring/remove_dead_container.py --limit HOST [--dry]`.
"""

from remediations.systems.podman import operations
from remediations.systems.podman.preflight import planned_container

operations.remove_dead_container(
    planned=planned_container("remove_dead"), name="remove the dead container", _sudo=True
)
