"""Set what forbids a start to 0:
`pyinfra INVENTORY deploys/chain/configure_node.py --limit HOST`.
"""

from remediations.systems.comet import operations
from remediations.systems.comet.preflight import planned_settings

operations.configure(planned=planned_settings(), name="set what forbids a start to 0", _sudo=True)
