"""pyinfra operations on a node. Each yields exactly one program, whatever the present state.

The program itself finds out on the host whether there is anything to do. An operation that looked
at the present state would compile a start after a stop to nothing, because the unit still runs
while the plan is made.
"""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.operation import operation

from remediations.systems.comet import programs
from remediations.systems.comet.configure import PlannedSettings
from remediations.systems.comet.planned import PlannedNode
from remediations.systems.hosts.command import HostCommand
from remediations.systems.hosts.probe import unit_active, unit_enabled
from remediations.systems.hosts.pyinfra.step import ShellStep

ENABLE_LIMIT_S = 30
CONFIGURE_LIMIT_S = 60


@operation(is_idempotent=False)
def start(planned: PlannedNode) -> Generator[ShellStep, None, None]:
    """Start the node's unit unless it is active, after checks on the host that this is safe.

    A disabled unit is started, too, and stays disabled (see `enable`).
    """
    yield ShellStep(
        HostCommand(
            text=programs.start_text(planned),
            operation="node.start",
            timeout_s=programs.CHECK_LIMIT_S + programs.START_LIMIT_S,
            fidelity="conditional",
            probe=unit_active(planned.unit),
            undo=f"systemctl stop {planned.unit}",
        )
    )


@operation(is_idempotent=False)
def restart(planned: PlannedNode) -> Generator[ShellStep, None, None]:
    """Stop the node's unit, wait until its process and its database locks are gone, and start
    it."""
    yield ShellStep(
        HostCommand(
            text=programs.restart_text(planned),
            operation="node.restart",
            timeout_s=2 * programs.CHECK_LIMIT_S
            + planned.stop_limit_s
            + programs.STOP_MARGIN_S
            + programs.LOCK_LIMIT_S
            + programs.START_LIMIT_S,
            fidelity="conditional",
            probe=programs.restarted_probe(planned),
            undo="none: the process that ran before is gone; the sign state and the WAL are kept",
        )
    )


@operation(is_idempotent=False)
def enable(planned: PlannedNode) -> Generator[ShellStep, None, None]:
    """Enable the node's unit, so that it comes back after a reboot. Nothing is started now."""
    yield ShellStep(
        HostCommand(
            text=programs.enable_text(planned),
            operation="node.enable",
            timeout_s=ENABLE_LIMIT_S,
            fidelity="conditional",
            probe=unit_enabled(planned.unit),
            undo=f"systemctl disable {planned.unit}",
        )
    )


@operation(is_idempotent=False)
def configure(planned: PlannedSettings) -> Generator[ShellStep, None, None]:
    """Set what the plan changes of the node's settings, in its files. Nothing is started now."""
    yield ShellStep(
        HostCommand(
            text=programs.configure_text(planned),
            operation="node.configure",
            timeout_s=CONFIGURE_LIMIT_S,
            fidelity="conditional",
            probe=planned.probe,
            undo=planned.undo,
        )
    )
