"""Put the program back that an install replaced: by `remediate undo RUN` alone."""

from remediations.systems.comet import program_operations
from remediations.systems.comet.preflight import planned_former

program_operations.put_former_back(
    planned=planned_former(), name="put the former program back", _sudo=True
)
