"""What the application of the chain stores about one validator: the values. They are read where its
key has no power (`staking_answers.py`)."""

from __future__ import annotations

from enum import IntEnum

from remediations.values.reading import Reading
from remediations.values.record import Moment, Record

DECIMALS = 10**18
"""A decimal number of the SDK is stored as a whole number of so many parts."""
POWER_REDUCTION = 1_000_000
"""Tokens for one voting power, by the SDK's default."""


class BondStatus(IntEnum):
    """As the SDK numbers it (`cosmos.staking.v1beta1.BondStatus`)."""

    UNBONDED = 1
    UNBONDING = 2
    BONDED = 3


class Proven(Record, frozen=True, kw_only=True):
    """Against which app hash a value is proven: that after `height`, upper-case hex; "" where the
    answer has no proof that holds, for the reason `flaw`."""

    height: int
    app_hash: str
    flaw: str = ""


class SigningInfo(Record, frozen=True, kw_only=True):
    """x/slashing. `jailed_until` is at the epoch for one that was never jailed."""

    jailed_until: Moment
    tombstoned: bool
    missed: int
    start_height: int
    proof: Proven


class StakingValidator(Record, frozen=True, kw_only=True):
    """x/staking. `operator` is its address; `shares` are millionths of millionths of millionths."""

    operator: str
    jailed: bool
    status: BondStatus
    tokens: int
    shares: int
    min_self_delegation: int
    proof: Proven


class Account(Record, frozen=True, kw_only=True):
    """x/auth: the account that operates the validator. `public_key` is that by which it signs, hex
    or the text of a `Multisig`; "" where it never signed, or by one of another kind."""

    number: int
    sequence: int
    public_key: str = ""


class OperatorKey(Record, frozen=True, kw_only=True):
    """Whether a keyring that needs no passphrase lies in the daemon's home, with the key of the
    validator's operator; and the lowest price of gas that the node takes, "" if that is not told.
    """

    in_test_keyring: bool
    gas_price: str = ""


class Standing(Record, frozen=True, kw_only=True):
    """What the chain says of a validator without power, as its own node tells it."""

    signing: Reading[SigningInfo]
    validator: Reading[StakingValidator]
    own_shares: Reading[int]
    account: Reading[Account]
    key: Reading[OperatorKey]
