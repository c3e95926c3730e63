"""Move a node's databases aside before a state sync:
`remediate plan node-down --limit HOST --state-sync yes`.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_sync

operations.set_aside(
    planned=planned_sync("set_aside"), name="set the node's databases aside", _sudo=True
)
