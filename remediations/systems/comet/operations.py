"""pyinfra operations on a node. Each yields exactly one program, whatever the present state.

The program itself finds out on the host whether there is anything to do. An operation that looked
at the present state would compile a start after a stop to nothing, because the unit still runs
while the plan is made.
"""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.operation import operation

from remediations.systems.comet import (
    copy_programs,
    programs,
    rollback_programs,
    second_signer,
    sync_programs,
)
from remediations.systems.comet import program_parts as parts
from remediations.systems.comet.configure import PlannedSettings
from remediations.systems.comet.data_copy import PlannedCopy, PlannedReplacement
from remediations.systems.comet.enablement import PlannedDisable
from remediations.systems.comet.free_space import FREE_LIMIT_S, PlannedRoom
from remediations.systems.comet.install import FILES
from remediations.systems.comet.open_files import RAISE_LIMIT_S, PlannedLimit
from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.put_back import PUT_BACK_LIMIT_S, put_back_note, put_back_text
from remediations.systems.comet.state_sync import PlannedSync
from remediations.systems.comet.unjail import UNJAIL_LIMIT_S, PlannedUnjail, unjail_text
from remediations.systems.hosts.command import HostCommand
from remediations.systems.hosts.hold import hold_path
from remediations.systems.hosts.probe import (
    copy_kept,
    databases_aside,
    not_jailed,
    state_sync_is,
    unit_active,
    unit_disabled,
    unit_enabled,
    unit_held,
)
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
            timeout_s=parts.CHECK_LIMIT_S + parts.START_LIMIT_S,
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
            timeout_s=2 * parts.CHECK_LIMIT_S
            + planned.stop_limit_s
            + parts.STOP_MARGIN_S
            + parts.LOCK_LIMIT_S
            + parts.START_LIMIT_S,
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
def disable(planned: PlannedDisable) -> Generator[ShellStep, None, None]:
    """Disable the node's unit again, if it was before it was enabled. Nothing is stopped."""
    yield ShellStep(
        HostCommand(
            text=planned.text,
            operation="node.enable.undo",
            timeout_s=ENABLE_LIMIT_S,
            fidelity="conditional",
            probe=unit_disabled(planned.unit),
            undo=f"systemctl enable {planned.unit}",
        )
    )


@operation(is_idempotent=False)
def free(planned: PlannedRoom) -> Generator[ShellStep, None, None]:
    """Remove exactly the planned files for the room that they take. Nothing is restarted."""
    yield ShellStep(
        HostCommand(
            text=planned.text,
            operation="node.free",
            timeout_s=FREE_LIMIT_S,
            fidelity="conditional",
            probe=planned.probe,
            undo=planned.undo,
        )
    )


@operation(is_idempotent=False)
def raise_open_files(planned: PlannedLimit) -> Generator[ShellStep, None, None]:
    """Let the node's unit open more files from its next start on. Nothing is restarted."""
    yield ShellStep(
        HostCommand(
            text=planned.text,
            operation="node.raise",
            timeout_s=RAISE_LIMIT_S,
            fidelity="conditional",
            probe=planned.probe,
            undo=planned.undo,
        )
    )


@operation(is_idempotent=False)
def lower_open_files(planned: PlannedLimit) -> Generator[ShellStep, None, None]:
    """Take the drop-in of `raise_open_files` away. A process keeps the limit that it has."""
    yield ShellStep(
        HostCommand(
            text=planned.lower_text,
            operation="node.raise.undo",
            timeout_s=RAISE_LIMIT_S,
            fidelity="conditional",
            probe=planned.lowered_probe,
            undo="a plan with raise-open-files writes it again",
        )
    )


@operation(is_idempotent=False)
def hold(planned: PlannedNode) -> Generator[ShellStep, None, None]:
    """Stop the node's unit, and keep everybody from starting it until it is let go."""
    yield ShellStep(
        HostCommand(
            text=rollback_programs.hold_text(planned),
            operation="node.hold",
            timeout_s=parts.CHECK_LIMIT_S
            + planned.stop_limit_s
            + parts.STOP_MARGIN_S
            + parts.LOCK_LIMIT_S,
            fidelity="conditional",
            probe=unit_held(planned.unit),
            undo=_let_go(planned),
        )
    )


@operation(is_idempotent=False)
def hold_duplicate(planned: PlannedNode) -> Generator[ShellStep, None, None]:
    """Stop a holder of a key that must not sign here, keep everybody from starting it, and keep
    what shows which votes it signed."""
    yield ShellStep(
        HostCommand(
            text=second_signer.hold_duplicate_text(planned),
            operation="node.hold.duplicate",
            timeout_s=parts.CHECK_LIMIT_S
            + planned.stop_limit_s
            + parts.STOP_MARGIN_S
            + parts.LOCK_LIMIT_S
            + second_signer.EVIDENCE_LIMIT_S,
            fidelity="conditional",
            probe=unit_held(planned.unit),
            undo="only once its key is on no other host, and its sign state the newest: "
            f"{_let_go(planned)}",
        )
    )


@operation(is_idempotent=False)
def rollback(planned: PlannedNode) -> Generator[ShellStep, None, None]:
    """Take back the execution of the newest block, softly: the block stays."""
    yield ShellStep(
        HostCommand(
            text=rollback_programs.rollback_text(planned),
            operation="node.rollback",
            timeout_s=parts.CHECK_LIMIT_S + rollback_programs.ROLLBACK_LIMIT_S,
            fidelity="conditional",
            probe=unit_held(planned.unit, rollback_programs.rolled_back_note(planned)),
            undo=f"{_let_go(planned)}: it executes block {planned.stands_at} again",
        )
    )


@operation(is_idempotent=False)
def release(planned: PlannedNode) -> Generator[ShellStep, None, None]:
    """Let a held unit go, and start it."""
    yield ShellStep(
        HostCommand(
            text=rollback_programs.release_text(planned),
            operation="node.release",
            timeout_s=parts.CHECK_LIMIT_S + parts.START_LIMIT_S,
            fidelity="conditional",
            probe=unit_active(planned.unit),
            undo=f"systemctl stop {planned.unit}",
        )
    )


@operation(is_idempotent=False)
def unhold(planned: PlannedNode) -> Generator[ShellStep, None, None]:
    """Take back a hold, whatever was done meanwhile: the unit is started if it was stopped."""
    yield ShellStep(
        HostCommand(
            text=rollback_programs.unhold_text(planned),
            operation="node.unhold",
            timeout_s=parts.CHECK_LIMIT_S + parts.START_LIMIT_S,
            fidelity="conditional",
            probe=unit_active(planned.unit),
            undo=f"systemctl stop {planned.unit}",
        )
    )


@operation(is_idempotent=False)
def copy(planned: PlannedCopy) -> Generator[ShellStep, None, None]:
    """Copy the node's databases, and keep the copy by its hash. The node is stopped for as long as
    its files are linked, and started again."""
    yield ShellStep(
        HostCommand(
            text=copy_programs.copy_text(planned),
            operation="node.copy",
            timeout_s=copy_programs.COPY_LIMIT_S + planned.node.stop_limit_s,
            fidelity="conditional",
            probe=copy_kept(planned.mark),
            undo=f"remove {FILES}/{planned.mark} and the file that it names",
        )
    )


@operation(is_idempotent=False)
def replace(planned: PlannedReplacement) -> Generator[ShellStep, None, None]:
    """Put the databases of a copy in the place of those of a held node, which are moved aside."""
    data, aside = f"{planned.node.home}/data", copy_programs.aside_of(planned)
    yield ShellStep(
        HostCommand(
            text=copy_programs.replace_text(planned),
            operation="node.replace",
            timeout_s=copy_programs.REPLACE_LIMIT_S,
            fidelity="conditional",
            probe=unit_held(planned.node.unit, copy_programs.replaced_note(planned.sha256)),
            undo=f"while it is held: move what {aside} has (not .all) over what {data} has; then "
            f"{_let_go(planned.node)}",
        )
    )


@operation(is_idempotent=False)
def put_back(planned: PlannedReplacement) -> Generator[ShellStep, None, None]:
    """Bring the databases back that a held node had before `replace`."""
    node = planned.node
    yield ShellStep(
        HostCommand(
            text=put_back_text(planned),
            operation="node.put_back",
            timeout_s=parts.CHECK_LIMIT_S + PUT_BACK_LIMIT_S,
            fidelity="conditional",
            probe=unit_held(node.unit, put_back_note(planned.sha256)),
            undo="a plan with the same copy (--data) puts it in place again",
        )
    )


@operation(is_idempotent=False)
def set_aside(planned: PlannedSync) -> Generator[ShellStep, None, None]:
    """Move the databases of a held node aside, so that state sync gives it others."""
    node = planned.node
    yield ShellStep(
        HostCommand(
            text=sync_programs.set_aside_text(planned),
            operation="node.set_aside",
            timeout_s=parts.CHECK_LIMIT_S + sync_programs.SET_ASIDE_LIMIT_S,
            fidelity="conditional",
            probe=databases_aside(node.home, node.user or "root", planned.aside_name, there=True),
            undo=f"while it is held: move what {planned.aside} has (not .all) back into "
            f"{node.home}/data; then {_let_go(node)}",
        )
    )


@operation(is_idempotent=False)
def bring_back(planned: PlannedSync) -> Generator[ShellStep, None, None]:
    """Bring the databases back that were set aside for state sync. A node that runs is stopped for
    it, and started again."""
    node = planned.node
    yield ShellStep(
        HostCommand(
            text=sync_programs.bring_back_text(planned),
            operation="node.set_aside.undo",
            timeout_s=parts.CHECK_LIMIT_S
            + node.stop_limit_s
            + parts.STOP_MARGIN_S
            + parts.LOCK_LIMIT_S
            + parts.START_LIMIT_S
            + sync_programs.RESTORE_LIMIT_S,
            fidelity="conditional",
            probe=databases_aside(node.home, node.user or "root", planned.aside_name, there=False),
            undo="a new plan with --state-sync sets them aside again",
        )
    )


@operation(is_idempotent=False)
def configure_sync(planned: PlannedSync) -> Generator[ShellStep, None, None]:
    """Turn state sync on in the node's config.toml, or put what stood there back. Nothing is
    started now."""
    node = planned.node
    yield ShellStep(
        HostCommand(
            text=sync_programs.sync_settings_text(planned),
            operation="node.sync_settings",
            timeout_s=sync_programs.SYNC_SETTINGS_LIMIT_S,
            fidelity="conditional",
            probe=state_sync_is(
                node.home, node.user or "root", planned.trust_hash if planned.on else "off"
            ),
            undo=f"put back {planned.settings} below [statesync] of {node.home}/config/config.toml",
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


@operation(is_idempotent=False)
def unjail(planned: PlannedUnjail) -> Generator[ShellStep, None, None]:
    """Sign the transaction that ends a validator's jail, on the host of its operator's key, send it
    once, and wait until the chain says that the validator is free."""
    transaction = planned.transaction
    yield ShellStep(
        HostCommand(
            text=unjail_text(planned),
            operation="tx.unjail",
            timeout_s=UNJAIL_LIMIT_S,
            fidelity="conditional",
            probe=not_jailed(transaction.rpc, transaction.operator_hex),
            undo="none: what the chain has included stays; a validator that does not sign is "
            "jailed again by itself",
        )
    )


def _let_go(planned: PlannedNode) -> str:
    """How a person takes a hold away."""
    path = hold_path(planned.unit)
    return f"rm {path}, then systemctl daemon-reload and systemctl start {planned.unit}"
