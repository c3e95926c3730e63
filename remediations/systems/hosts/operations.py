"""pyinfra operations on a host, whatever runs there. Each yields exactly one program."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.operation import operation

from remediations.systems.hosts.command import HostCommand
from remediations.systems.hosts.mend import MEND_LIMIT_S, PlannedMend
from remediations.systems.hosts.pyinfra.step import ShellStep


@operation(is_idempotent=False)
def mend(planned: PlannedMend) -> Generator[ShellStep, None, None]:
    """Remove exactly the planned obstacles from the ways to peers. Nothing is restarted."""
    yield ShellStep(
        HostCommand(
            text=planned.text,
            operation="host.mend",
            timeout_s=MEND_LIMIT_S,
            fidelity="conditional",
            probe=planned.probe,
            undo=planned.undo,
        )
    )
