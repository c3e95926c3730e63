"""Put back the model that `swap_model.py` replaced:
`pyinfra INVENTORY deploys/scoring/put_back_model.py --limit HOST [--dry]`.
"""

from remediations.systems.scorer import operations
from remediations.systems.scorer.preflight import planned_model

operations.put_back_model(
    planned=planned_model("swap_model.undo"), name="put the model back", _sudo=True
)
