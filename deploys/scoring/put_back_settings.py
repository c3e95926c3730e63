"""Put back what `configure_scorer.py` set in the environment file of a scoring service:
`pyinfra INVENTORY deploys/scoring/put_back_settings.py --limit HOST [--dry]`.
"""

from remediations.systems.scorer import operations
from remediations.systems.scorer.preflight import planned_environment

operations.configure(
    planned=planned_environment("configure.undo"), name="put the settings back", _sudo=True
)
