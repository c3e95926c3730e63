"""Restart the container of a scoring service (docs/scoring.md):
`pyinfra INVENTORY deploys/scoring/restart_container.py --limit HOST [--dry]`.
"""

from remediations.systems.podman import operations
from remediations.systems.podman.preflight import planned_container

operations.restart_container(
    planned=planned_container("restart"), name="restart the container", _sudo=True
)
