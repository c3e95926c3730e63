"""pyinfra operations on a container. Each yields exactly one program."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.operation import operation

from remediations.systems.hosts.command import HostCommand
from remediations.systems.hosts.probe import unit_active
from remediations.systems.hosts.pyinfra.step import ShellStep
from remediations.systems.podman import programs
from remediations.systems.podman.planned import PlannedContainer


@operation(is_idempotent=False)
def restart_container(planned: PlannedContainer) -> Generator[ShellStep, None, None]:
    """Stop the unit of a container, wait until nothing of it lives, and start it of the same
    image; units that were stopped with it come back."""
    yield ShellStep(
        HostCommand(
            text=programs.restart_text(planned),
            operation="container.restart",
            timeout_s=programs.RESTART_EXTRA_S + planned.stop_limit_s,
            fidelity="conditional",
            probe=programs.restarted_probe(planned),
            undo="none: the process that ran before is gone; its image is still there",
        )
    )


@operation(is_idempotent=False)
def remove_dead_container(planned: PlannedContainer) -> Generator[ShellStep, None, None]:
    """Remove exactly the dead container that keeps its name from its unit, and start the unit."""
    yield ShellStep(
        HostCommand(
            text=programs.remove_dead_text(planned),
            operation="container.remove_dead",
            timeout_s=programs.RESTART_EXTRA_S + planned.stop_limit_s,
            fidelity="conditional",
            probe=unit_active(planned.unit),
            undo="none: what the dead container had written into itself is gone with it; its image "
            "and its volumes are still there",
        )
    )
