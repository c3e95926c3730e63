"""Give a scoring service more workers, within the declared limits
(docs/scoring.md#late); it does so from its next start on:
`pyinfra INVENTORY deploys/scoring/scale_scorer.py --limit HOST [--dry]`.
"""

from remediations.systems.scorer import operations
from remediations.systems.scorer.preflight import planned_environment

operations.configure(planned=planned_environment("scale"), name="set the workers", _sudo=True)
