"""Where a deploy learns what it must know about a service: the plan, or `remediate preflight`."""

from __future__ import annotations

from typing import Literal

from pyinfra.context import host

from remediations.systems.scorer.environment_file import PlannedEnvironment
from remediations.systems.scorer.planned_model import PlannedModel

Action = Literal["swap_model", "swap_model.undo", "keep_model"]


def planned_model(action: Action = "swap_model") -> PlannedModel:
    """The model of the service on the current host, if `action` may be taken on it.

    While a plan is compiled, the host is sealed, its data come from an observation, and the guards
    of the plan judge. Everywhere else the same guards are judged now, on all hosts of the
    inventory.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedModelError: the data of a sealed host are malformed.
    """
    # The class of the connector decides: no `--data` on a command line can imitate it.
    if getattr(host.connector_cls, "sealed", False):
        return PlannedModel.from_data(host.data.dict())
    # Not at the top: a compiling child does not need it, and its start is waited for.
    from remediations.systems.hosts.pyinfra.preflight import preflight

    return preflight(f"scorer.{action}", PlannedModel.from_words)


def planned_environment(
    action: Literal[
        "configure", "configure.undo", "scale", "limit", "lift", "scale_back"
    ] = "configure",
) -> PlannedEnvironment:
    """What is to stand in the environment file of the service on the current host, likewise.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedEnvironmentError: the data of a sealed host are malformed.
    """
    if getattr(host.connector_cls, "sealed", False):
        return PlannedEnvironment.from_data(host.data.dict())
    from remediations.systems.hosts.pyinfra.preflight import preflight

    return preflight(f"scorer.{action}", PlannedEnvironment.from_data)
