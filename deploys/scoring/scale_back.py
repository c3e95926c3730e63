"""Give a scoring service the normal number of workers again
(docs/scoring.md#late); it does so from its next start on:
`pyinfra INVENTORY deploys/scoring/scale_back.py --limit HOST [--dry]`.
"""

from remediations.systems.scorer import operations
from remediations.systems.scorer.preflight import planned_environment

operations.configure(
    planned=planned_environment("scale_back"), name="set the normal workers", _sudo=True
)
