"""Remove what shuts the ways to peers on hosts, and restart nothing (docs/partition.md):
`pyinfra INVENTORY deploys/chain/mend_links.py --limit HOST [--dry]`.
"""

from remediations.systems.hosts import operations
from remediations.systems.hosts.pyinfra.planned import planned_mend

operations.mend(planned=planned_mend(), name="mend the links", _sudo=True)
