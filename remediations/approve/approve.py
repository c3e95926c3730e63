"""Giving and checking approvals. In this version the planner may be the approver."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from remediations.approve.approval import Approval, Statement
from remediations.approve.keygen import Signer, sign, signer_of
from remediations.approve.statement import statement_for
from remediations.errors import ApprovalError
from remediations.model.wire import canonical
from remediations.plan.plan import NAMING, Plan
from remediations.render.words import moment

FEWEST = 1
"""Approvals without which nothing is applied."""


def approve(plan: Plan, key: Path, allowed_signers: Path, now: datetime) -> Approval:
    """Sign `plan`, and check at once that the signature would be accepted.

    Raises:
        ApprovalError: the plan expired, the key cannot sign, or may not.
    """
    statement = statement_for(plan)
    _not_expired(statement, now)
    signature = sign(canonical(statement), key)
    signer = _signer(statement, signature, allowed_signers)
    return Approval(
        statement=statement,
        signature=signature,
        principal=signer.principal,
        key_fingerprint=signer.fingerprint,
        given_at=now,
    )


def check(approval: Approval, plan: Plan, allowed_signers: Path, now: datetime) -> Signer:
    """Who approved `plan`, from the signature itself; what the file says of them is not trusted.

    Raises:
        ApprovalError: for another plan, expired, edited, or by a key that may not.
    """
    statement = statement_for(plan)
    if approval.statement.plan != statement.plan:
        raise ApprovalError(
            "the approval is for another plan",
            guard="plan digest",
            got=approval.statement.plan,
            expected=statement.plan,
            next_step=_again(statement),
        )
    if approval.statement != statement:
        raise ApprovalError(
            "the approval was edited: its statement is not the one for this plan",
            guard="statement",
            got=canonical(approval.statement).decode(),
            expected=canonical(statement).decode(),
            next_step=_again(statement),
        )
    _not_expired(statement, now)
    return _signer(statement, approval.signature, allowed_signers)


def enough(
    approvals: Sequence[Approval], plan: Plan, allowed_signers: Path, now: datetime
) -> tuple[Signer, ...]:
    """Who approved, all of whose approvals must be valid, and of enough people.

    At least one is needed, whatever the plan says: without any signature nothing vouches for what
    it says.

    Raises:
        ApprovalError: too few, or one of them is not valid.
    """
    signers = tuple(check(approval, plan, allowed_signers, now) for approval in approvals)
    needed = max(FEWEST, plan.approvals_needed)
    given = people(signers)
    if given < needed:
        raise ApprovalError(
            "the plan is not approved",
            guard="approvals",
            got=f"{given} of {needed}",
            expected=f"{needed} valid approval(s)",
            next_step=_again(statement_for(plan)),
        )
    return signers


def people(signers: Sequence[Signer]) -> int:
    """How many distinct people these are: one person with two keys is one, and so is one key under
    two names."""
    groups: list[set[str]] = []
    for signer in signers:
        person = {signer.principal, signer.fingerprint}
        same = [group for group in groups if group & person]
        groups = [group for group in groups if not group & person]
        groups.append(person.union(*same))
    return len(groups)


def _again(statement: Statement) -> str:
    """The run's name ends with the first digits of the digest, which is enough to name it."""
    return f"remediate approve {statement.plan[:NAMING]} --key KEY"


def _signer(statement: Statement, signature: str, allowed_signers: Path) -> Signer:
    try:
        found = allowed_signers.stat()
    except OSError as error:
        raise ApprovalError(
            "there is no list of who may approve",
            guard="allowed_signers",
            got=f"{allowed_signers}: {error.strerror}",
            expected="an allowed_signers file (see ssh-keygen(1))",
            next_step="name it in the inventory: allowed_signers: FILE",
        ) from error
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ApprovalError(
            "others may write the list of who may approve",
            guard="allowed_signers",
            got=f"{allowed_signers} has mode {stat.S_IMODE(found.st_mode):04o}",
            expected="writable by its owner only",
            next_step=f"chmod go-w {allowed_signers}, after a look at what it says",
        )
    if os.geteuid() != 0 and found.st_uid not in (0, os.geteuid()):
        # Root is asked for by `sudo` in somebody's checkout; it trusts whom it was called by.
        raise ApprovalError(
            "the list of who may approve belongs to somebody else",
            guard="allowed_signers",
            got=f"{allowed_signers} belongs to user {found.st_uid}",
            expected="root's, or yours",
            next_step=f"let root own {allowed_signers}, or keep a list of your own",
        )
    return signer_of(canonical(statement), signature, allowed_signers)


def _not_expired(statement: Statement, now: datetime) -> None:
    if now >= statement.expires_at:
        raise ApprovalError(
            "the plan has expired: what it was made from is too old",
            guard="expiry",
            got=f"it is {moment(now)}",
            expected=f"before {moment(statement.expires_at)}",
            next_step=f"remediate plan {statement.playbook}, then approve that one",
        )
