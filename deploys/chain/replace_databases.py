"""Put a copy in the place of a node's databases: by `remediate plan INC-001 --data SHA256`."""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_replacement

operations.replace(planned=planned_replacement(), name="replace the node's databases", _sudo=True)
