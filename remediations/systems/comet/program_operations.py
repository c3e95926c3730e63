"""pyinfra operations that put another program of the daemon in place, and the former one back.

By the rules of `operations.py`: each yields exactly one program, whatever the present state.
"""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.operation import operation

from remediations.systems.comet import install_below
from remediations.systems.comet.exchange import exchange_below_text, exchange_text
from remediations.systems.comet.former_program import (
    PlannedFormer,
    PlannedFormerBelow,
    put_former_back_below_text,
    put_former_back_text,
)
from remediations.systems.comet.install import FILES, INSTALL_LIMIT_S, PlannedInstall, install_text
from remediations.systems.hosts.command import HostCommand
from remediations.systems.hosts.probe import program_is
from remediations.systems.hosts.pyinfra.step import ShellStep


@operation(is_idempotent=False)
def install(planned: PlannedInstall) -> Generator[ShellStep, None, None]:
    """Put another program in the place of the node's, which was brought to the host before, and
    start the unit; stop it first if it runs."""
    node, program = planned.node, planned.program
    yield ShellStep(
        HostCommand(
            text=install_text(planned),
            operation="node.install",
            timeout_s=INSTALL_LIMIT_S + node.stop_limit_s,
            fidelity="conditional",
            probe=program_is(program.path, "", program.sha256),
            undo=f"plan with the former program, which is kept as {FILES}/{program.replaces}",
        )
    )


@operation(is_idempotent=False)
def install_below_cosmovisor(
    planned: install_below.PlannedBelow,
) -> Generator[ShellStep, None, None]:
    """Put another program, which was brought to the host before, where cosmovisor looks for it, and
    start the unit; stop it first if it runs."""
    node, place = planned.node, planned.place
    yield ShellStep(
        HostCommand(
            text=install_below.install_below_text(planned),
            operation="node.install.cosmovisor",
            timeout_s=install_below.LIMIT_S + node.stop_limit_s,
            fidelity="conditional",
            probe=program_is(place.place, node.user, place.sha256),
            undo=f"plan with the former program, which is kept as {FILES}/{place.replaces}"
            if place.replaces
            else "none: an upgrade is not taken back; the program of before is where it was",
        )
    )


@operation(is_idempotent=False)
def exchange(planned: PlannedInstall) -> Generator[ShellStep, None, None]:
    """Put another program, which was brought to the host before, in the place of a held node's.
    Nothing is started."""
    program = planned.program
    yield ShellStep(
        HostCommand(
            text=exchange_text(planned),
            operation="node.exchange",
            timeout_s=INSTALL_LIMIT_S,
            fidelity="conditional",
            probe=program_is(program.path, "", program.sha256),
            undo=f"`remediate undo RUN`: {FILES}/{program.replaces} in its place again",
        )
    )


@operation(is_idempotent=False)
def exchange_below_cosmovisor(
    planned: install_below.PlannedBelow,
) -> Generator[ShellStep, None, None]:
    """The same where cosmovisor starts the program."""
    node, place = planned.node, planned.place
    yield ShellStep(
        HostCommand(
            text=exchange_below_text(planned),
            operation="node.exchange.cosmovisor",
            timeout_s=install_below.LIMIT_S,
            fidelity="conditional",
            probe=program_is(place.place, node.user, place.sha256),
            undo=f"`remediate undo RUN`: {FILES}/{place.replaces} in its place again",
        )
    )


@operation(is_idempotent=False)
def put_former_back(planned: PlannedFormer) -> Generator[ShellStep, None, None]:
    """Put the program back that `install` replaced, and start the unit, where the new one has not
    acted."""
    node, program = planned.install.node, planned.install.program
    yield ShellStep(
        HostCommand(
            text=put_former_back_text(planned),
            operation="node.install.undo",
            timeout_s=INSTALL_LIMIT_S + node.stop_limit_s,
            fidelity="conditional",
            probe=program_is(program.path, "", program.sha256),
            undo=f"plan with the program that was taken back: {FILES}/{program.replaces}",
        )
    )


@operation(is_idempotent=False)
def put_former_back_below(planned: PlannedFormerBelow) -> Generator[ShellStep, None, None]:
    """The same below cosmovisor, of a program that took the place of the one in use."""
    node, place = planned.below.node, planned.below.place
    yield ShellStep(
        HostCommand(
            text=put_former_back_below_text(planned),
            operation="node.install.cosmovisor.undo",
            timeout_s=install_below.LIMIT_S + node.stop_limit_s,
            fidelity="conditional",
            probe=program_is(place.place, node.user, place.sha256),
            undo=f"plan with the program that was taken back: {FILES}/{place.replaces}",
        )
    )
