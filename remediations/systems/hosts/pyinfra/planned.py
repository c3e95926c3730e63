"""Where a deploy on hosts learns what it must know: the plan, or `remediate preflight`."""

from __future__ import annotations

from pyinfra.context import host

from remediations.systems.hosts.mend import PlannedMend

MENDS = "host.mend"


def planned_mend() -> PlannedMend:
    """The obstacles on the current host, from its data while a plan is compiled; everywhere else
    the guards of the action are judged first.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedMendError: the data of a sealed host are malformed.
    """
    # The class of the connector decides: no `--data` on a command line can imitate it.
    if getattr(host.connector_cls, "sealed", False):
        return PlannedMend.from_data(host.data.dict())
    # Not at the top: a compiling child does not need it, and its start is waited for.
    from remediations.systems.hosts.pyinfra.preflight import preflight

    return preflight(MENDS, PlannedMend.from_data)
