"""End a validator's jail: `pyinfra INVENTORY deploys/chain/unjail_validator.py --limit HOST`."""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_unjail

operations.unjail(planned=planned_unjail(), name="end the validator's jail", _sudo=True)
