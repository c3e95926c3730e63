"""Warnings that several branches of the keys give, in the same words. Pure."""

from __future__ import annotations

from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.transactions.sent import SIGNED

NOT_PROTECTED = (
    "revoking does not protect what was sealed before: take all of that as known to whoever "
    "has the key, and keep its private half, offline, until all of it is sealed anew"
)


def sign_first(keys: KeysSituation, count: int, name: str) -> str:
    """How many transactions have to be signed before a plan is applied, and where they belong."""
    return (
        f"{count} transaction(s) of {name} must be signed before `remediate apply`: "
        "tools/unsigned_transactions.py writes them and says how; the signed ones belong into "
        f"{SIGNED}/ of {keys.reading.section.directory}"
    )
