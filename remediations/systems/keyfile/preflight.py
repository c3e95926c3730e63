"""Where a deploy learns what it must know about a reader: the plan, or `remediate preflight`."""

from __future__ import annotations

from typing import Literal

from pyinfra.context import host

from remediations.systems.keyfile.planned import PlannedKeyFile


def planned_key_file(
    action: Literal["install", "install.undo", "retire"] = "install",
) -> PlannedKeyFile:
    """The key file of the reader on the current host, if `action` may be taken on it.

    While a plan is compiled, the host is sealed, its data come from an observation, and the guards
    of the plan judge. Everywhere else the same guards are judged now, on all hosts of the
    inventory.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedKeyFileError: the data of a sealed host are malformed.
    """
    # The class of the connector decides: no `--data` on a command line can imitate it.
    if getattr(host.connector_cls, "sealed", False):
        return PlannedKeyFile.from_data(host.data.dict())
    # Not at the top: a compiling child does not need it, and its start is waited for.
    from remediations.systems.hosts.pyinfra.preflight import preflight

    return preflight(f"keyfile.{action}", PlannedKeyFile.from_data)
