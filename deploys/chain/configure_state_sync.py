"""Turn a node's state sync on or off:
`remediate plan node-down --limit HOST --state-sync yes`.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_sync

operations.configure_sync(
    planned=planned_sync("sync_settings"), name="set what the node trusts", _sudo=True
)
