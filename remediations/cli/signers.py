"""Where it stands who may approve, and for which hosts."""

from __future__ import annotations

from pathlib import Path

from remediations.approve.verifier import Verifier, load_verifier
from remediations.errors import ApprovalError
from remediations.machine.config import load_machine_config
from remediations.model.inventory import Inventory
from remediations.observe.digest import inventory_digest
from remediations.plan.plan import Plan
from remediations.run.store import RunDirectory


def allowed(inventory: Inventory, given: Path | None) -> Verifier:
    """What judges approvals, with the list of the option, else the machine's, else the inventory's.

    Raises:
        ApprovalError: none of them names one, or it cannot be used.
        MachineError: ssh-keygen is missing, or could have been replaced.
    """
    config = load_machine_config()
    if given is not None:
        return load_verifier(given, config)
    if config.allowed_signers is not None:
        return load_verifier(config.allowed_signers, config)
    if inventory.allowed_signers is not None:
        return load_verifier(Path(inventory.allowed_signers), config)
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
