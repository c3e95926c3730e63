"""Where a deploy learns what it must know about its node: the plan, or `remediate preflight`."""

from __future__ import annotations

from typing import Literal

from pyinfra.context import host

from remediations.systems.comet.configure import PlannedSettings
from remediations.systems.comet.planned import PlannedNode

Action = Literal["start", "restart", "enable"]
"""The operations of this system, without `node.`."""


def planned_node(action: Action) -> PlannedNode:
    """The node of the current host, if `action` may be taken on it.

    While a plan is compiled, the host is sealed, its data come from an observation, and the guards
    of the plan judge. Everywhere else the same guards are judged now, on all hosts of the
    inventory.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    # The class of the connector decides: no `--data` on a command line can imitate it.
    if getattr(host.connector_cls, "sealed", False):
        return PlannedNode.from_data(host.data.dict())
    # Not at the top: a compiling child does not need it, and its start is waited for.
    from remediations.systems.hosts.pyinfra.preflight import preflight

    return preflight(f"node.{action}", PlannedNode.from_words)


def planned_settings() -> PlannedSettings:
    """The settings of the current host, as `planned_node` the node: what forbids a start is to be
    set to 0.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    if getattr(host.connector_cls, "sealed", False):
        return PlannedSettings.from_data(host.data.dict())
    from remediations.systems.hosts.pyinfra.preflight import preflight

    return preflight("node.configure", PlannedSettings.from_words)
