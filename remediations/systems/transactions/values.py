"""What is read of a chain's accounts and of its recipients' keys."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from remediations.systems.transactions.inventory import AccountEntry, KeysEntry
from remediations.values.endpoint import Endpoint
from remediations.values.part import Kinded
from remediations.values.reading import Reading, value_or_none
from remediations.values.record import Record


class EndpointState(Record, frozen=True, kw_only=True):
    """What an RPC says of itself: its chain, and its height at two moments. `block_time` is the
    time of its last block, in seconds since 1970; `pace_ms` how long its last blocks took each, 0
    where that is not known."""

    chain_id: str
    first: int
    last: int
    catching_up: bool
    block_time: int
    pace_ms: int


class EndpointReading(Record, frozen=True, kw_only=True):
    """An RPC of the inventory. `flaw` is why its answers are not used, "" where they are."""

    endpoint: Endpoint
    state: Reading[EndpointState]
    flaw: str


class AccountState(Record, frozen=True, kw_only=True):
    """An account as the chain has it. `public_key` is hex, or the text of a `Multisig`; "" before
    its first transaction."""

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
    """The right of one account (`grantee`) to send `message` for another one. `expires` are
    seconds since 1970 as text, "" for never."""

    granter: str
    grantee: str
    message: str
    expires: str


class KeyOwner(Record, frozen=True, kw_only=True):
    """An account that is not in the inventory, with the keys that it has registered."""

    address: str
    keys: Reading[tuple[KeyRecord, ...]]


class Simulation(Record, frozen=True, kw_only=True):
    """What an endpoint makes of a message about a key now (it is revoked, or rotated), sent by the
    account `by`: the gas it takes, or why it would fail."""

    fingerprint: str
    by: str
    message: str
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
    """The accounts at one moment, and how many endpoints told of them. `owners` are others, for
    whom an account of the inventory acts."""

    endpoints: int
    accounts: tuple[AccountReading, ...]
    owners: tuple[KeyOwner, ...]

    @property
    def keys(self) -> dict[str, KeyRecord]:
        """All keys that were read, by their fingerprints."""
        read = [*(one.keys for one in self.accounts), *(one.keys for one in self.owners)]
        return {key.fingerprint: key for one in read for key in value_or_none(one) or ()}


class KeysReading(Kinded, frozen=True, kw_only=True):
    """Accounts and recipients' keys of a chain, as its endpoints have them.

    `section` is what the inventory says, `height` the lowest of the endpoints whose answers are
    used. `grants` are those among its accounts; `others_grants` those that accounts outside of it
    gave its admins, and `owners` are these accounts.
    """

    KIND: ClassVar[str] = "transactions.reading/1"

    section: KeysEntry
    endpoints: tuple[EndpointReading, ...]
    height: Reading[int]
    accounts: tuple[AccountReading, ...]
    events: Reading[tuple[KeyEvent, ...]]
    grants: Reading[tuple[Grant, ...]]
    others_grants: Reading[tuple[Grant, ...]]
    owners: tuple[KeyOwner, ...]
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

    def simulation(self, fingerprint: str, by: str, message: str) -> Simulation | None:
        """That of a message about a key by an account, None if it was not tried."""
        wanted = (fingerprint, by, message)
        those = (s for s in self.simulations if (s.fingerprint, s.by, s.message) == wanted)
        return next(those, None)

    def granted(self, granter: str) -> Reading[tuple[Grant, ...]]:
        """The grants of an account, as far as they were read."""
        ours = {one.entry.address for one in self.accounts}
        return self.grants if granter in ours else self.others_grants
