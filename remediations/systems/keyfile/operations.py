"""pyinfra operations on the key file of a reader. Each yields exactly one program."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.operation import operation

from remediations.systems.hosts.command import HostCommand
from remediations.systems.hosts.pyinfra.step import ShellStep
from remediations.systems.keyfile.planned import PlannedKeyFile
from remediations.systems.keyfile.programs import (
    TELL_LIMIT_S,
    WRITE_LIMIT_S,
    install_text,
    put_back_text,
    retire_text,
)


@operation(is_idempotent=False)
def install(planned: PlannedKeyFile) -> Generator[ShellStep, None, None]:
    """Put the new key in the place of the old one, and tell the unit."""
    yield ShellStep(
        HostCommand(
            text=install_text(planned),
            operation="keyfile.install",
            timeout_s=WRITE_LIMIT_S + TELL_LIMIT_S,
            fidelity="conditional",
            probe=planned.has_new,
            undo=f"put {planned.former} back in the place of {planned.file}, and tell "
            f"{planned.unit or 'nobody'}",
        )
    )


@operation(is_idempotent=False)
def put_back(planned: PlannedKeyFile) -> Generator[ShellStep, None, None]:
    """Put the old key back that `install` replaced, and tell the unit."""
    yield ShellStep(
        HostCommand(
            text=put_back_text(planned),
            operation="keyfile.install.undo",
            timeout_s=WRITE_LIMIT_S + TELL_LIMIT_S,
            fidelity="conditional",
            probe=planned.has_old,
            undo="a new plan with install-key; the new key lies where it was brought",
        )
    )


@operation(is_idempotent=False)
def retire(planned: PlannedKeyFile) -> Generator[ShellStep, None, None]:
    """Remove the file of the old key."""
    yield ShellStep(
        HostCommand(
            text=retire_text(planned),
            operation="keyfile.retire",
            timeout_s=WRITE_LIMIT_S,
            fidelity="conditional",
            probe=planned.retired,
            undo="none: the private key is gone from this host",
        )
    )
