"""What is read of a chain's accounts and of its recipients' keys."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from remediations.systems.transactions.inventory import AccountEntry, Endpoint, KeysEntry
from remediations.values.part import Kinded
from remediations.values.reading import Reading, value_or_none
from remediations.values.record import Record


class EndpointState(Record, frozen=True, kw_only=True):
    """What an RPC says of itself: its chain, and its height at two moments."""

    chain_id: str
    first: int
    last: int
    catching_up: bool


class EndpointReading(Record, frozen=True, kw_only=True):
    """An RPC of the inventory. `flaw` is why its answers are not used, "" where they are."""

    endpoint: Endpoint
    state: Reading[EndpointState]
    flaw: str


class AccountState(Record, frozen=True, kw_only=True):
    """An account as the chain has it. `public_key` is hex, "" before its first transaction."""

    number: int
    sequence: int
    public_key: str


class AccountReading(Record, frozen=True, kw_only=True):
    """An account of the inventory, with the keys that it has registered."""

    entry: AccountEntry
    state: Reading[AccountState]
    keys: Reading[tuple[KeyRecord, ...]]


class KeyRecord(Record, frozen=True, kw_only=True):
    """A recipient's key as the chain records it. Times are seconds since 1970, 0 for none."""

    fingerprint: str
    address: str
    public_key: str
    algorithm: str
    label: str
    registered_at: int
    revoked_at: int
    deprecated_at: int
    expires_at: int
    purge_at: int


class KeyEventKind(StrEnum):
    """What happened to a key."""

    REGISTERED = "registered"
    REVOKED = "revoked"
    ROTATED = "rotated"


class KeyEvent(Record, frozen=True, kw_only=True):
    """One event. `address` is the owner; of a rotation it is whoever rotated, which may be somebody
    else. `by` is who revoked; `new` is the key that replaces a rotated one. `transaction` is its
    hash, "" where a block itself did it, as governance does."""

    kind: KeyEventKind
    fingerprint: str
    address: str
    by: str
    new: str
    at: int
    height: int
    transaction: str


class Grant(Record, frozen=True, kw_only=True):
    """The right of one account (`grantee`) to revoke keys for another one. `expires` is text as
    the chain has it, "" for never."""

    granter: str
    grantee: str
    expires: str


class Simulation(Record, frozen=True, kw_only=True):
    """What an endpoint makes of revoking a key now: the gas it takes, or why it would fail."""

    fingerprint: str
    gas: Reading[int]


class SignedFile(Record, frozen=True, kw_only=True):
    """A signed transaction in the directory. `body_sha256` is of its messages, memo and timeout
    height; `flaw` says why it is none, "" if it is one."""

    name: str
    sha256: str
    body_sha256: str
    public_key: str
    sequence: int
    flaw: str


class AccountsNow(Record, frozen=True, kw_only=True):
    """The accounts at one moment, and how many endpoints told of them."""

    endpoints: int
    accounts: tuple[AccountReading, ...]

    @property
    def keys(self) -> dict[str, KeyRecord]:
        """All keys that were read, by their fingerprints."""
        return {
            key.fingerprint: key for one in self.accounts for key in value_or_none(one.keys) or ()
        }


class KeysReading(Kinded, frozen=True, kw_only=True):
    """Accounts and recipients' keys of a chain, as its endpoints have them.

    `section` is what the inventory says, `height` the lowest of the endpoints whose answers are
    used.
    """

    KIND: ClassVar[str] = "transactions.reading/1"

    section: KeysEntry
    endpoints: tuple[EndpointReading, ...]
    height: Reading[int]
    accounts: tuple[AccountReading, ...]
    events: Reading[tuple[KeyEvent, ...]]
    grants: Reading[tuple[Grant, ...]]
    simulations: tuple[Simulation, ...]
    signed: Reading[tuple[SignedFile, ...]]

    @property
    def used(self) -> tuple[EndpointReading, ...]:
        """The endpoints whose answers are used."""
        return tuple(one for one in self.endpoints if not one.flaw)

    def account(self, target: str) -> AccountReading:
        """The account that is called so in plans.

        Raises:
            KeyError: there is none.
        """
        return {one.entry.target: one for one in self.accounts}[target]

    @property
    def keys(self) -> tuple[KeyRecord, ...]:
        """All keys that were read, of all accounts."""
        return tuple(key for one in self.accounts for key in value_or_none(one.keys) or ())

    def simulation(self, fingerprint: str) -> Simulation | None:
        """That of revoking a key, None if it was not tried."""
        return next((one for one in self.simulations if one.fingerprint == fingerprint), None)
