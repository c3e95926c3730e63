"""Bring back what was set aside for a state sync: by `remediate undo` of that plan."""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_sync

operations.bring_back(
    planned=planned_sync("set_aside.undo"), name="bring the node's databases back", _sudo=True
)
