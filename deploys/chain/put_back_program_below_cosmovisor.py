"""Put the program back that an install replaced below cosmovisor: by `remediate undo RUN` alone."""

from remediations.systems.comet import program_operations
from remediations.systems.comet.preflight import planned_former_below

program_operations.put_former_back_below(
    planned=planned_former_below(),
    name="put the former program back below cosmovisor",
    _sudo=True,
)
