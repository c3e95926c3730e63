"""Where a deploy gets what it must know of its node: from the plan, or by `remediate preflight`."""

from __future__ import annotations

from typing import Literal

from pyinfra.context import host

from remediations.systems.comet.planned import PlannedNode

Action = Literal["start", "restart", "enable"]
"""As the operations of this system are called: `node.start`."""


def planned_node(action: Action) -> PlannedNode:
    """What the current host's node is, once it is clear that `action` may be done.

    While compiling, the host is sealed, its data come from an Observation, and the plan's guards
    judge. Everywhere else the same guards are judged now, on all hosts of the inventory.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    # The connector's class decides: no `--data` on a command line can pretend to be sealed.
    if getattr(host.connector_cls, "sealed", False):
        return PlannedNode.from_data(host.data.dict())
    # Not at the top: a child that compiles asks nobody, and is waited for.
    from remediations.systems.hosts.pyinfra.preflight import preflight

    return preflight(f"node.{action}", PlannedNode.from_words)
