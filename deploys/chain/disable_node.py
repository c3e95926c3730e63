"""Disable a node's unit that was enabled, if it was disabled before: by `remediate undo RUN`."""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_disable

operations.disable(planned=planned_disable(), name="disable the unit again", _sudo=True)
