"""Where it stands who may approve, and for which hosts."""

from __future__ import annotations

from pathlib import Path

from remediations.errors import ApprovalError
from remediations.model.inventory import Inventory
from remediations.observe.digest import inventory_digest
from remediations.plan.plan import Plan
from remediations.run.store import RunDirectory


def allowed(inventory: Inventory, given: Path | None) -> Path:
    """The list of who may approve: the option, else the inventory's.

    Raises:
        ApprovalError: neither names one.
    """
    if given is not None:
        return given
    if inventory.allowed_signers is not None:
        return Path(inventory.allowed_signers)
    raise ApprovalError(
        "nobody is allowed to approve: there is no allowed_signers file",
        guard="allowed_signers",
        got="none in the inventory, none given",
        expected="a file in the form of ssh-keygen(1), ALLOWED SIGNERS",
        next_step="add `allowed_signers: FILE` to the inventory, or give --allowed-signers FILE",
    )


def approved_hosts(directory: RunDirectory, plan: Plan) -> Inventory:
    """The hosts of a run: those that its plan, hence its approval, names by their digest.

    Raises:
        ApprovalError: others. Their names for ssh might lead anywhere.
    """
    inventory = directory.inventory()
    found = inventory_digest(inventory)
    if found != plan.inventory_digest:
        raise ApprovalError(
            "the approval is for other hosts: the run's inventory is not that of its plan",
            guard="inventory digest",
            got=f"{directory.path / 'inventory.json'} with {found[:16]}",
            expected=plan.inventory_digest[:16],
            next_step=f"remediate plan {plan.playbook} --inventory {inventory.path}",
        )
    return inventory
