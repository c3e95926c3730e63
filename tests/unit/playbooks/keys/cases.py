"""Made accounts: what two endpoints of a made chain answer, read by the real look."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from remediations.playbooks.keys.situation import (
    FINGERPRINT,
    NEW_KEY,
    REASON,
    KeysSituation,
    fingerprint_of,
)
from remediations.systems.transactions.inventory import AccountEntry, KeysEntry, Signer
from remediations.systems.transactions.look import read_keys
from remediations.systems.transactions.values import AccountReading, KeysReading
from remediations.values.bech32 import encode
from remediations.values.reading import Known, Unknown, Why
from remediations.values.transaction import REGISTER, REVOKE
from tests.unit.transactions.fake_chain import FakeChain, FakeGrant, key_record
from tests.unit.transactions.vectors import REVOKES

VAULT, TARGET = REVOKES.unsigned.account, "account/vault"
PUBLIC_KEY = REVOKES.unsigned.public_key
ADMIN = "ve1402vdfffh6yr0p5ekg4dpj98d8defrx47hdssy"
OUT, GONE, OTHER = "ab" * 20, "cd" * 20, "ef" * 20
"""The key that is out, one that is revoked, and one of somebody else."""
STRANGER, THEIRS = encode("ve", bytes([7]) * 20), "a1" * 20
"""An account outside of the inventory that has granted the admin to revoke, and its key."""
NEW = base64.b64encode(bytes(range(1, 33))).decode()
NEW_PRINT = fingerprint_of(bytes(range(1, 33)))
CHOSEN = {FINGERPRINT: OUT, REASON: "laptop stolen", NEW_KEY: NEW}
Change = Callable[[KeysReading], KeysReading]


def event(kind: str, key: str, address: str, **more: str) -> dict[str, Any]:
    """A typed event, whose values are JSON texts."""
    named = {"fingerprint": key} if kind != "Rotated" else {"old_fingerprint": key}
    values = {"address": address, **named, f"{kind.lower()}_at": "1796019052", **more}
    attributes = [{"key": name, "value": f'"{value}"'} for name, value in values.items()]
    return {"type": f"virtengine.encryption.v1.EventKey{kind}", "attributes": attributes}


def in_transaction(*events: dict[str, Any], height: int = 44) -> dict[str, Any]:
    """A transaction that a search finds."""
    return {"hash": "AB" * 32, "height": str(height), "tx_result": {"events": list(events)}}


def made_chain() -> FakeChain:
    """`vault` has two keys, one of them revoked by governance; somebody else has had one."""
    chain = FakeChain(accounts={VAULT: (3, 7, PUBLIC_KEY), ADMIN: (4, 0, "")})
    chain.keys[VAULT] = [
        key_record(OUT, VAULT, registered_at=1796019052),
        key_record(GONE, VAULT, registered_at=1796019052, revoked_at=1796019200),
    ]
    chain.searches["txs EventKeyRegistered"] = [
        in_transaction(event("Registered", OUT, VAULT)),
        in_transaction(event("Registered", OTHER, "ve1somebody")),
    ]
    chain.keys[STRANGER] = [key_record(THEIRS, STRANGER, registered_at=1796019052)]
    chain.grants = [
        FakeGrant(VAULT, ADMIN, REVOKE, 1796019000 + 9999),
        FakeGrant(VAULT, ADMIN, REGISTER),
        FakeGrant(STRANGER, ADMIN, REVOKE),
    ]
    block = {"block": {"header": {"height": "60"}}}
    chain.searches["blocks EventKeyRevoked"] = [block]
    chain.blocks[60] = [event("Revoked", GONE, VAULT, revoked_by="ve1gov")]
    return chain


@cache
def reading() -> KeysReading:
    """What is read of it, by two endpoints."""
    chain = made_chain()
    with ExitStack() as stack:
        directory = stack.enter_context(TemporaryDirectory())
        entry = KeysEntry(
            chain_id="one-1",
            endpoints=tuple(stack.enter_context(chain.served(name)) for name in ("a", "b")),
            directory=str(Path(directory)),
            fee="5000uve",
            gas=200_000,
            timeout_blocks=300,
            accounts=(
                AccountEntry(
                    name="vault", address=VAULT, signer=Signer.OFFLINE, public_key=None, key=None
                ),
                AccountEntry(
                    name="admin", address=ADMIN, signer=Signer.KEYRING, public_key=None, key=None
                ),
            ),
            admins=("admin",),
        )
        return asyncio.run(read_keys(entry))


def situation(change: Change | None = None, **inputs: str) -> KeysSituation:
    """With what people chose; `new_key=""` for none."""
    read = reading() if change is None else change(reading())
    chosen = {**CHOSEN, **{key.replace("_", "-"): value for key, value in inputs.items()}}
    keys = KeysSituation(reading=read, at=_at(read), only=frozenset())
    return replace(keys, inputs={key: value for key, value in chosen.items() if value})


def _at(read: KeysReading) -> datetime:
    return read.height.at


def unknown(why: Why = Why.UNREACHABLE) -> Unknown:
    """A reading that failed."""
    return Unknown(why=why, reason="no answer", source="made", at=reading().height.at)


def with_account(**changes: object) -> Change:
    """`vault` with other fields."""

    def changed(read: KeysReading) -> KeysReading:
        vault, *others = read.accounts
        return msgspec.structs.replace(
            read, accounts=(msgspec.structs.replace(vault, **changes), *others)
        )

    return changed


def with_entry(**changes: object) -> Change:
    """`vault` otherwise in the inventory."""
    return with_account(entry=msgspec.structs.replace(reading().accounts[0].entry, **changes))


def with_keys(**changes: int) -> Change:
    """The key that is out, with other times."""
    vault: AccountReading = reading().accounts[0]
    assert isinstance(vault.keys, Known)
    out, gone = vault.keys.value
    changed = msgspec.structs.replace(out, **changes)
    return with_account(keys=msgspec.structs.replace(vault.keys, value=(changed, gone)))


def with_fields(**changes: object) -> Change:
    """Other fields of the reading."""
    return lambda read: msgspec.structs.replace(read, **changes)
