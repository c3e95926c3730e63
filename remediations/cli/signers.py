"""Where it stands who may approve."""

from __future__ import annotations

from pathlib import Path

from remediations.errors import ApprovalError
from remediations.model.inventory import Inventory


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
