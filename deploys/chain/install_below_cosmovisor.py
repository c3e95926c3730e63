"""Put another program where cosmovisor looks for it: by `remediate plan … --program SHA256`."""

from remediations.systems.comet import program_operations
from remediations.systems.comet.preflight import planned_below

program_operations.install_below_cosmovisor(
    planned=planned_below(), name="install the node's program below cosmovisor", _sudo=True
)
