"""pyinfra operations on a scoring service. Each yields exactly one program."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.operation import operation

from remediations.systems.hosts.command import HostCommand
from remediations.systems.hosts.pyinfra.step import ShellStep
from remediations.systems.scorer.environment_file import CONFIGURE_LIMIT_S, PlannedEnvironment
from remediations.systems.scorer.planned_model import PlannedModel
from remediations.systems.scorer.swap_model import (
    COPY_LIMIT_S,
    EXCHANGE_EXTRA_S,
    FILES,
    keep_text,
    put_back_text,
    swap_text,
)


@operation(is_idempotent=False)
def swap_model(planned: PlannedModel) -> Generator[ShellStep, None, None]:
    """Put another model in the place of the service's, and restart its unit."""
    yield ShellStep(
        HostCommand(
            text=swap_text(planned),
            operation="scorer.swap_model",
            timeout_s=EXCHANGE_EXTRA_S + planned.stop_limit_s,
            fidelity="conditional",
            probe=planned.served,
            undo=f"move {planned.aside} back to {planned.model} while {planned.unit} is stopped, "
            f"let the unit expect {planned.expects or 'no hash'} again, and start it",
        )
    )


@operation(is_idempotent=False)
def put_back_model(planned: PlannedModel) -> Generator[ShellStep, None, None]:
    """Put the model of before `swap_model` back, and restart the unit."""
    yield ShellStep(
        HostCommand(
            text=put_back_text(planned),
            operation="scorer.swap_model.undo",
            timeout_s=EXCHANGE_EXTRA_S + planned.stop_limit_s,
            fidelity="conditional",
            probe=planned.served_before,
            undo="a new plan with model-skew brings the agreed model again",
        )
    )


@operation(is_idempotent=False)
def keep_model(planned: PlannedModel) -> Generator[ShellStep, None, None]:
    """Keep the model of a donor as one file, by its hash, for `remediate stage --donor`."""
    yield ShellStep(
        HostCommand(
            text=keep_text(planned),
            operation="scorer.keep_model",
            timeout_s=COPY_LIMIT_S,
            fidelity="conditional",
            probe=planned.kept,
            undo=f"remove {FILES}/{planned.sha256}",
        )
    )


@operation(is_idempotent=False)
def configure(planned: PlannedEnvironment) -> Generator[ShellStep, None, None]:
    """Set the planned names in the environment file of a service. Nothing is started now."""
    yield ShellStep(
        HostCommand(
            text=planned.text,
            operation="scorer.configure",
            timeout_s=CONFIGURE_LIMIT_S,
            fidelity="conditional",
            probe=planned.probe,
            undo=planned.undo,
        )
    )
