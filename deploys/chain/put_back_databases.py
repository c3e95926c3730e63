"""Bring back the databases that a copy replaced: by `remediate undo` of the plan that did that."""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_replacement

operations.put_back(
    planned=planned_replacement("put_back"), name="bring the node's databases back", _sudo=True
)
