"""Who has signed a plan, which signature does not count and why, and who still may sign.

`apply` decides by `verify_approvals` alone; this says beforehand what that will come to:

1. Each approval is judged by itself, in the order in which it was kept.
2. A valid one counts if it adds a person. People are counted by principal *and* key
   (`count_people`).
3. One that is not valid keeps the plan from being applied, also where enough others are: somebody
   put it there, and that should be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from msgspec.structs import replace

from remediations.engine.approve.allowed_signers import SignerLine
from remediations.engine.approve.approval import NAMESPACE, Approval
from remediations.engine.approve.approve import (
    FEWEST,
    check_in_time,
    count_people,
    verify_approval,
)
from remediations.engine.approve.signer import Signer, revoked_of
from remediations.engine.approve.sshsig import fingerprint
from remediations.engine.approve.verifier import Verifier
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.errors import ApprovalError
from remediations.values.record import Moment, Record


class Standing(StrEnum):
    """What an approval is worth."""

    COUNTS = "counts"
    REPEATED = "repeated"  # valid, and of somebody who is counted already
    INVALID = "invalid"


class GivenApproval(Record, frozen=True, kw_only=True):
    """An approval and what it is worth. `file` names it; `principal` and `key_fingerprint` come
    from the signature, "" if it is not valid; `why` is "" if it counts."""

    file: str
    standing: Standing
    principal: str
    key_fingerprint: str
    why: str


class MaySign(Record, frozen=True, kw_only=True):
    """Somebody whose signature would count: a line of the list. With `authority` it is whoever has
    a certificate of that key under a name that `principal` covers."""

    principal: str
    key_fingerprint: str
    authority: bool
    line: int


class Tally(Record, frozen=True, kw_only=True):
    """The approvals of a plan as of one moment. `needed` and `people` are numbers of people;
    `enough` is whether these approvals would let it be applied; `hindrance` says why its time is
    not now, "" if it is."""

    plan: str
    needed: int
    people: int
    enough: bool
    expires_at: Moment
    hindrance: str
    approvals: tuple[GivenApproval, ...]
    may_sign: tuple[MaySign, ...]


def tally_approvals(
    kept: Sequence[tuple[str, Approval]], plan: Plan, verifier: Verifier, at: datetime
) -> Tally:
    """What these approvals, each with the name of its file, are worth as of `at`.

    Raises:
        MachineError: ssh-keygen cannot be started.
    """
    given: list[GivenApproval] = []
    valid: list[tuple[str, Signer]] = []
    for file, approval in kept:
        try:
            signer = verify_approval(approval, plan, verifier, at)
        except ApprovalError as error:
            why = f"{error.what} ({error.guard}: {error.got})"
            given.append(_given(file, Standing.INVALID, Signer("", ""), why))
            continue
        again = _repeats(signer, valid)
        given.append(_given(file, Standing.REPEATED if again else Standing.COUNTS, signer, again))
        valid.append((file, signer))
    people = count_people([signer for _, signer in valid])
    needed = max(FEWEST, plan.approvals_needed)
    hindrance = _hindrance(plan, at)
    spoilt = any(one.standing is Standing.INVALID for one in given)
    return Tally(
        plan=plan_digest(plan),
        needed=needed,
        people=people,
        enough=people >= needed and not spoilt and not hindrance,
        expires_at=plan.expires_at,
        hindrance=hindrance,
        approvals=tuple(given),
        may_sign=_may_sign([signer for _, signer in valid], verifier, at),
    )


def accept_approval(
    given: Approval,
    kept: Sequence[tuple[str, Approval]],
    plan: Plan,
    verifier: Verifier,
    now: datetime,
) -> Approval:
    """`given` as it is to be kept beside the others, with what its signature says of the signer.

    Raises:
        ApprovalError: it is not valid, or comes from somebody who signed already.
        MachineError: ssh-keygen cannot be started.
    """
    check_in_time(plan, now)
    signer = verify_approval(given, plan, verifier, now)
    before = tally_approvals(kept, plan, verifier, now)
    valid = [
        (one.file, Signer(one.principal, one.key_fingerprint))
        for one in before.approvals
        if one.standing is not Standing.INVALID
    ]
    again = _repeats(signer, valid)
    if again:
        names = ", ".join(one.principal for one in before.may_sign)
        raise ApprovalError(
            "the approval adds nobody: who gave it has signed this plan already",
            guard="one signature a person",
            got=f"{signer.principal} with {signer.fingerprint}: {again}",
            expected=f"an approval of somebody else: {names}" if names else "another person's",
            next_step="let somebody else sign the same plan (`remediate approvals` lists who may)",
        )
    return replace(given, principal=signer.principal, key_fingerprint=signer.fingerprint)


def _given(file: str, standing: Standing, signer: Signer, why: str) -> GivenApproval:
    return GivenApproval(
        file=file,
        standing=standing,
        principal=signer.principal,
        key_fingerprint=signer.fingerprint,
        why=why,
    )


def _repeats(signer: Signer, before: Sequence[tuple[str, Signer]]) -> str:
    """Why it adds nobody to those before; "" if it does."""
    people = [one for _, one in before]
    if count_people([*people, signer]) > count_people(people):
        return ""
    for file, other in before:
        if other.principal == signer.principal:
            return f"{signer.principal} has signed in {file}"
    file, other = next(one for one in before if one[1].fingerprint == signer.fingerprint)
    return f"its key has signed as {other.principal} in {file}"


def _hindrance(plan: Plan, at: datetime) -> str:
    try:
        check_in_time(plan, at)
    except ApprovalError as error:
        return f"{error.what} ({error.got})"
    return ""


def _may_sign(signed: Sequence[Signer], verifier: Verifier, at: datetime) -> tuple[MaySign, ...]:
    """The lines of the list by which somebody could add a signature that counts. Of several lines
    with one key OpenSSH takes the first that is valid."""
    lines: dict[tuple[bool, bytes], SignerLine] = {}
    for line in verifier.signers.lines:
        if line.is_valid(at):
            lines.setdefault((line.authority, line.key), line)
    revoked = revoked_of([line.key for line in lines.values()], verifier)
    names = {one.principal for one in signed}
    keys = {one.fingerprint for one in signed}
    return tuple(
        MaySign(
            principal=line.principals,
            key_fingerprint=fingerprint(line.key),
            authority=line.authority,
            line=line.number,
        )
        for line in lines.values()
        if line.key not in revoked
        and line.allows(NAMESPACE)
        and (line.authority or line.names_one)
        and (line.authority or not {line.principals} & names)
        and not {fingerprint(line.key)} & keys
    )
