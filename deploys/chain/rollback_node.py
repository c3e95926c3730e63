"""Take back the execution of the newest block, on nodes that are held (docs/deploys.md).

It runs from plans alone: a held node does not answer, and only the plan knows where it stood.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_node

operations.rollback(planned=planned_node("rollback"), name="roll the node back", _sudo=True)
