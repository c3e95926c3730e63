"""Put another program in the place of a node's: by `remediate plan INC-001 --program SHA256`."""

from remediations.systems.comet import program_operations
from remediations.systems.comet.preflight import planned_install

program_operations.install(planned=planned_install(), name="install the node's program", _sudo=True)
