"""The Approval: an operator's SSH signature over the digest of one plan."""

from __future__ import annotations

from remediations.values.record import Moment, Record

NAMESPACE = "remediate-plan"
"""The `ssh-keygen -Y` namespace: a signature made for anything else never verifies here."""


class Statement(Record, frozen=True, kw_only=True):
    """Exactly what is signed, as canonical JSON. A signature is good for this and nothing else."""

    purpose: str
    plan: str
    resources: tuple[str, ...]
    playbook: str
    branch: str
    expires_at: Moment


class Approval(Record, frozen=True, kw_only=True):
    """A statement, its armoured signature, and who gave it as told by `allowed_signers`."""

    statement: Statement
    signature: str
    principal: str
    key_fingerprint: str
    given_at: Moment
