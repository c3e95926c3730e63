"""Let a scoring service take fewer requests, within the declared limits
(docs/scoring.md#late); it does so from its next start on:
`pyinfra INVENTORY deploys/scoring/limit_rate.py --limit HOST [--dry]`.
"""

from remediations.systems.scorer import operations
from remediations.systems.scorer.preflight import planned_environment

operations.configure(planned=planned_environment("limit"), name="limit the rate", _sudo=True)
