"""Keep the model of a service as one file, by its hash, for `remediate stage --donor`:
`pyinfra INVENTORY deploys/scoring/keep_model.py --limit HOST [--dry]`.
"""

from remediations.systems.scorer import operations
from remediations.systems.scorer.preflight import planned_model

operations.keep_model(planned=planned_model("keep_model"), name="keep the model", _sudo=True)
