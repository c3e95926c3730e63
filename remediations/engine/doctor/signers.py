"""Whether the list of who may approve can be used (ssh-keygen(1), ALLOWED SIGNERS)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from remediations.engine.approve.allowed_signers import SignerLine
from remediations.engine.approve.approval import NAMESPACE
from remediations.engine.approve.verifier import load_signers
from remediations.engine.doctor.line import INVENTORY, DoctorLine, lack_line, ok_line, warn_line
from remediations.errors import ApprovalError
from remediations.values.inventory import Inventory

TOPIC = "allowed_signers"


def signers_line(inventory: Inventory, machines: Path | None) -> DoctorLine:
    """The line about the inventory's list. No list is a warning. If the machine configuration names
    one (`machines`), that one is used instead."""
    if machines is not None:
        return ok_line(
            INVENTORY, TOPIC, f"{machines}, which the machine configuration names, is used"
        )
    if inventory.allowed_signers is None:
        return warn_line(
            INVENTORY,
            TOPIC,
            "none named: `approve` and `apply` would need --allowed-signers",
            f"add `allowed_signers: FILE` to {inventory.path}",
        )
    return signers_list_line(INVENTORY, Path(inventory.allowed_signers))


def signers_list_line(subject: str, path: Path) -> DoctorLine:
    """The line about the list at `path`, which is read as for an approval."""
    try:
        signers = load_signers(path)
    except ApprovalError as error:
        return lack_line(subject, TOPIC, f"{error.what}: {error.got}", error.next_step)
    return judge_signers(subject, path, signers.lines)


def judge_signers(subject: str, path: Path, lines: Sequence[SignerLine]) -> DoctorLine:
    """The line about the content of the list. Pure."""
    for line in lines:
        trouble = _trouble(line)
        if trouble:
            where = f"{path}:{line.number}"
            return lack_line(subject, TOPIC, f"{where}: {trouble}", f"correct {where}")
    authorities = [line for line in lines if line.authority]
    if authorities:
        found = (
            f"{path}:{authorities[0].number}: a certificate authority: everybody whom it certifies"
        )
        return warn_line(subject, TOPIC, f"{found} may approve", "see docs/approval.md")
    if not lines:
        mend = f'echo "NAME namespaces=\\"{NAMESPACE}\\" $(cat KEY.pub)" >>{path}'
        return lack_line(subject, TOPIC, f"{path} names nobody", mend)
    return ok_line(subject, TOPIC, f"{path}: {len(lines)} key(s), each under one exact name")


def _trouble(line: SignerLine) -> str:
    """Why a line allows nobody; "" if it is valid."""
    if not line.authority and not line.names_one:
        return (
            f"{line.principals!r} is a pattern, or more than one name: nobody could say who signed"
        )
    if not line.allows(NAMESPACE):
        return f"its namespaces leave out {NAMESPACE}"
    return ""
