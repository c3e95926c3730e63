"""Put the agreed model in the place of a scoring service's (docs/scoring.md#another-model):
`pyinfra INVENTORY deploys/scoring/swap_model.py --limit HOST [--dry]`.
"""

from remediations.systems.scorer import operations
from remediations.systems.scorer.preflight import planned_model

operations.swap_model(planned=planned_model(), name="exchange the model", _sudo=True)
