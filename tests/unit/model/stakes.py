"""What x/slashing, x/staking and x/auth store about one validator, as bytes."""

from __future__ import annotations

import hashlib

from remediations.systems.comet.proof.protobuf import (
    bytes_field,
    message_field,
    number_field,
    timestamp,
)
from remediations.systems.comet.staking import DECIMALS
from tests.worlds.jail import ACCOUNT, OPERATOR, OPERATOR_BYTES

PUBLIC = bytes(range(32))
ADDRESS = hashlib.sha256(PUBLIC).hexdigest()[:40].upper()
INFO_KEY = b"\x01\x14" + bytes.fromhex(ADDRESS)
VALIDATOR_KEY = b"\x21\x14" + OPERATOR_BYTES
BY_KEY = b"\x22\x14" + bytes.fromhex(ADDRESS)
OWN_KEY = b"\x31\x14" + OPERATOR_BYTES + b"\x14" + OPERATOR_BYTES
ACCOUNT_KEY = b"\x01" + OPERATOR_BYTES


def info(until: str = "2026-11-25T12:01:00Z", *, tombstoned: bool = False) -> bytes:
    """A signing info."""
    return (
        bytes_field(1, b"vevalcons1x")
        + number_field(2, 5)
        + bytes_field(4, timestamp(until))
        + number_field(5, int(tombstoned))
        + number_field(6, 11)
    )


def validator(
    *, jailed: bool = True, status: int = 2, public: bytes = PUBLIC, operator: str = OPERATOR
) -> bytes:
    """A validator, jailed and unbonding."""
    key = bytes_field(1, b"/cosmos.crypto.ed25519.PubKey") + bytes_field(2, bytes_field(1, public))
    return (
        bytes_field(1, operator.encode())
        + message_field(2, key)
        + number_field(3, int(jailed))
        + number_field(4, status)
        + bytes_field(5, b"9900000")
        + bytes_field(6, str(10_000_000 * DECIMALS).encode())
        + bytes_field(11, b"1")
    )


def account(*, vesting: bool = False) -> bytes:
    """Number 7, sequence 3; within a vesting account, if told."""
    plain = bytes_field(1, ACCOUNT.encode()) + number_field(3, 7) + number_field(4, 3)
    kind = "vesting.v1beta1.DelayedVesting" if vesting else "auth.v1beta1.Base"
    content = bytes_field(1, bytes_field(1, plain)) if vesting else plain
    return bytes_field(1, f"/cosmos.{kind}Account".encode()) + bytes_field(2, content)
