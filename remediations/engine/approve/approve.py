"""Gives and verifies approvals. In this version the planner may be the approver."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from remediations.engine.approve.approval import Approval, Statement, statement_for
from remediations.engine.approve.keygen import sign
from remediations.engine.approve.signer import Signer, signer_of, signing_key
from remediations.engine.approve.verifier import Verifier
from remediations.engine.plan.plan import NAMING, VALID_FOR, Plan
from remediations.errors import ApprovalError
from remediations.machine.programs import Program
from remediations.render.formats import format_moment
from remediations.values.wire import canonical

FEWEST = 1
"""The minimum number of approvals, whatever the plan says."""
CLOCKS_APART = timedelta(minutes=1)
"""How far the clock of the planning machine may be ahead of ours."""


def approve_plan(plan: Plan, key: Path, verifier: Verifier, now: datetime) -> Approval:
    """Sign `plan`, and check that the signature would be accepted.

    Raises:
        ApprovalError: the plan has expired or is from the future, or the key cannot or may not
        sign.
    """
    statement = statement_for(plan)
    check_in_time(plan, now)
    signature = sign(canonical(statement), key, verifier.keygen)
    signer = signer_of(canonical(statement), signature, verifier, now)
    return Approval(
        statement=statement,
        signature=signature,
        principal=signer.principal,
        key_fingerprint=signer.fingerprint,
        given_at=now,
    )


def sign_plan(plan: Plan, key: Path, keygen: Program, now: datetime) -> Approval:
    """Sign `plan` where there is no list of who may approve. Nobody's name is in the approval:
    that is found where the list is.

    Raises:
        ApprovalError: the plan has expired or is from the future, or the key cannot sign.
    """
    check_in_time(plan, now)
    statement = statement_for(plan)
    message = canonical(statement)
    signature = sign(message, key, keygen)
    return Approval(
        statement=statement,
        signature=signature,
        principal="",
        key_fingerprint=signing_key(message, signature, keygen, now),
        given_at=now,
    )


def verify_approval(approval: Approval, plan: Plan, verifier: Verifier, at: datetime) -> Signer:
    """Who approved `plan`, according to the signature; what the file says about it is not trusted.

    The signature is verified as of `at`, so that both "was it valid then" and "is it valid now" can
    be answered. Whether the plan has expired is checked by `verify_approvals` only.

    Raises:
        ApprovalError: it is for another plan, was edited, or is by a key that may not approve.
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
    return signer_of(canonical(statement), approval.signature, verifier, at)


def verify_approvals(
    approvals: Sequence[Approval], plan: Plan, verifier: Verifier, now: datetime
) -> tuple[Signer, ...]:
    """The signers of `approvals`, which must all be valid, and be by enough people.

    At least one is needed, whatever the plan says: without any signature nothing vouches for the
    plan.

    Raises:
        ApprovalError: there are too few, one is not valid, or the plan has expired or is from the
            future.
    """
    signers = tuple(verify_approval(approval, plan, verifier, now) for approval in approvals)
    check_in_time(plan, now)
    needed = max(FEWEST, plan.approvals_needed)
    given = count_people(signers)
    if given < needed:
        raise ApprovalError(
            "the plan is not approved",
            guard="approvals",
            got=f"{given} of {needed}",
            expected=f"{needed} valid approval(s)",
            next_step=_again(statement_for(plan)),
        )
    return signers


def count_people(signers: Sequence[Signer]) -> int:
    """The number of distinct people: two keys of one person count once, and so does one key with
    two names."""
    groups: list[set[str]] = []
    for signer in signers:
        person = {signer.principal, signer.fingerprint}
        same = [group for group in groups if group & person]
        groups = [group for group in groups if not group & person]
        groups.append(person.union(*same))
    return len(groups)


def _again(statement: Statement) -> str:
    """The command for another approval. The first digits of the digest identify the run."""
    return f"remediate approve {statement.plan[:NAMING]} --key KEY"


def check_in_time(plan: Plan, now: datetime) -> None:
    """Check that `plan` may be approved and applied at the time `now`.

    Raises:
        ApprovalError: it has expired, or is from the future.
    """
    statement = statement_for(plan)
    if now >= statement.expires_at:
        raise ApprovalError(
            "the plan has expired: what it was made from is too old",
            guard="expiry",
            got=f"it is {format_moment(now)}",
            expected=f"before {format_moment(statement.expires_at)}",
            next_step=f"remediate plan {statement.playbook}, then approve that one",
        )
    if statement.expires_at - now > VALID_FOR + CLOCKS_APART:
        raise ApprovalError(
            "the plan is from the future: it would be valid for longer than any plan",
            guard="expiry",
            got=f"it is {format_moment(now)}, and the plan expires "
            f"{format_moment(statement.expires_at)}",
            expected=f"{VALID_FOR // timedelta(minutes=1)} minutes at most",
            next_step="set the clocks right (`timedatectl`, here and where it was planned), then "
            f"`remediate plan {statement.playbook}` again",
        )
