"""Set what the inventory declares in the environment file of a scoring service
(docs/scoring.md#declared-settings):
`pyinfra INVENTORY deploys/scoring/configure_scorer.py --limit HOST [--dry]`.
"""

from remediations.systems.scorer import operations
from remediations.systems.scorer.preflight import planned_environment

operations.configure(planned=planned_environment(), name="set what is declared", _sudo=True)
