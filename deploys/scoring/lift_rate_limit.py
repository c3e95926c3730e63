"""Let a scoring service take the normal rate of requests again
(docs/scoring.md#late); it does so from its next start on:
`pyinfra INVENTORY deploys/scoring/lift_rate_limit.py --limit HOST [--dry]`.
"""

from remediations.systems.scorer import operations
from remediations.systems.scorer.preflight import planned_environment

operations.configure(planned=planned_environment("lift"), name="lift the rate limit", _sudo=True)
