"""Transactions that are tried and never sent: they have no signature. Pure.

Each revokes, rotates or registers one key, as the account that would sign it: the key's owner, or
an admin by its grant.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from remediations.systems.transactions.inventory import KeysEntry
from remediations.systems.transactions.values import AccountReading, Grant, KeyOwner, KeyRecord
from remediations.values.reading import value_or_none
from remediations.values.transaction import EXEC, REGISTER, REVOKE, ROTATE, Unsigned, canonical

Tree = dict[str, Any]
ALGORITHM = "X25519-XSALSA20-POLY1305"
"""The only one that the chain takes, in exactly these letters."""
BY_GRANT = (REVOKE, REGISTER)
"""What an account may be granted to send for the owner of a key."""


class Trial(NamedTuple):
    """A transaction without its signature, by which account (`by`), the key that it is about, and
    the message about it."""

    fingerprint: str
    by: str
    message: str
    transaction: bytes


def revoke_message(owner: str, fingerprint: str) -> Tree:
    """The message that revokes a key of `owner`."""
    return {"@type": REVOKE, "sender": owner, "key_fingerprint": fingerprint}


def wrapped(grantee: str, message: Tree) -> Tree:
    """A message of somebody else, sent by `grantee`."""
    return {"@type": EXEC, "grantee": grantee, "msgs": [message]}


def revoke_trials(entry: KeysEntry, accounts: Sequence[AccountReading]) -> Iterator[Trial]:
    """Each key of the inventory that is not revoked, by its owner."""
    for account in accounts:
        for key in _active(account):
            address = account.entry.address
            message = revoke_message(address, key.fingerprint)
            yield from _trial(entry, account, key.fingerprint, message)


def rotate_message(owner: str, fingerprint: str, new_key: str, **more: str) -> Tree:
    """The message that rotates a key of `owner` to another one."""
    told = {"old_key_fingerprint": fingerprint, "new_public_key": new_key}
    return {"@type": ROTATE, "sender": owner, **told, **more}


def rotate_trials(entry: KeysEntry, accounts: Sequence[AccountReading]) -> Iterator[Trial]:
    """Each key of the inventory that is neither revoked nor rotated, to a key that nobody has."""
    for account in accounts:
        for key in _active(account):
            if not key.deprecated_at:
                about = (account.entry.address, key.fingerprint, nobodys_key(key.fingerprint))
                message = rotate_message(*about)
                yield from _trial(entry, account, key.fingerprint, message)


def nobodys_key(told: str) -> str:
    """A public key that nobody has, in base64: another one for each text."""
    return base64.b64encode(sha256(f"nobody {told}".encode()).digest()).decode()


def trial_fingerprint(owner: str) -> str:
    """What stands for the key that is registered for an owner, where that is tried."""
    return sha256(base64.b64decode(nobodys_key(owner))).hexdigest()[:40]


def register_message(owner: str, new_key: str, label: str) -> Tree:
    """The message that registers a key of `owner`."""
    told = {"public_key": new_key, "algorithm_id": ALGORITHM, "label": label}
    return {"@type": REGISTER, "sender": owner, **told}


def register_trials(
    entry: KeysEntry, accounts: Sequence[AccountReading], grants: Sequence[Grant]
) -> Iterator[Trial]:
    """A key that nobody has, for each account of the inventory; and by each that was granted to
    register one."""
    for account in accounts:
        address = account.entry.address
        yield from _trial(entry, account, trial_fingerprint(address), _any_key(address))
        for grant in grants:
            if (grant.message, grant.grantee) == (REGISTER, address):
                message = wrapped(address, _any_key(grant.granter))
                yield from _trial(entry, account, trial_fingerprint(grant.granter), message)


def _any_key(owner: str) -> Tree:
    return register_message(owner, nobodys_key(owner), "")


def granted_trials(
    entry: KeysEntry,
    accounts: Sequence[AccountReading],
    owners: Sequence[KeyOwner],
    grants: Sequence[Grant],
) -> Iterator[Trial]:
    """Each key that is not revoked, by each account that was granted to revoke it."""
    signers = {one.entry.address: one for one in accounts}
    keys = {one.entry.address: _active(one) for one in accounts} | {
        one.address: _active(one) for one in owners
    }
    for grant in grants:
        signer = signers.get(grant.grantee)
        if grant.message != REVOKE or signer is None:
            continue
        for key in keys.get(grant.granter, ()):
            message = revoke_message(grant.granter, key.fingerprint)
            yield from _trial(entry, signer, key.fingerprint, wrapped(grant.grantee, message))


def _active(account: AccountReading | KeyOwner) -> list[KeyRecord]:
    return [one for one in value_or_none(account.keys) or () if not one.revoked_at]


def _trial(
    entry: KeysEntry, signer: AccountReading, fingerprint: str, message: Tree
) -> Iterator[Trial]:
    state = value_or_none(signer.state)
    if state is None:
        return
    unsigned = Unsigned(
        chain_id=entry.chain_id,
        account=signer.entry.address,
        account_number=state.number,
        sequence=state.sequence,
        public_key=signer.entry.public_key or state.public_key,
        messages=canonical([message]),
        fee=entry.fee,
        gas=entry.gas,
        memo="",
        timeout_height=0,
    )
    (inner,) = message.get("msgs", [message])
    yield Trial(fingerprint, signer.entry.address, inner["@type"], unsigned.trial)
