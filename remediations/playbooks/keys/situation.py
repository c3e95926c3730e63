"""The situation: what was read of accounts and keys, and what people chose."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

from remediations.engine.domain import Inputs
from remediations.engine.observe.observation import Observation
from remediations.systems.hosts.reading import HostsReading
from remediations.systems.keyfile.reading import KeyFilesReading
from remediations.systems.sessions.reading import SessionsReading
from remediations.systems.stores.reading import StoresReading
from remediations.systems.transactions.values import (
    AccountReading,
    AccountState,
    KeyEvent,
    KeyEventKind,
    KeyRecord,
    KeysReading,
)
from remediations.values.reading import Reading, Unknown, Why, value_or_none
from remediations.values.record import Moment

FINGERPRINT, REASON, NEW_KEY = "fingerprint", "reason", "new-key"
AS, ORDER = "as", "order"
"""The inputs."""
CONTAIN_FIRST, ROTATE_FIRST = "contain-first", "rotate-first"
KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class KeysSituation:
    """The accounts of an inventory, which of them may be acted on (`only`, empty for all), what
    people chose (`inputs`), and when it was read; and the stores, what can be reset, and the hosts
    with readers, None where it has none."""

    reading: KeysReading
    stores: StoresReading | None = None
    sessions: SessionsReading | None = None
    readers: KeyFilesReading | None = None
    hosts: HostsReading | None = None
    at: Moment
    only: frozenset[str]
    inputs: Inputs = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The key that is out, "" if nobody named one."""
        return self.inputs.get(FINGERPRINT, "")

    @property
    def new_key(self) -> str:
        """The public key that takes its place, as base64; "" if nobody named one."""
        return self.inputs.get(NEW_KEY, "")

    @property
    def new_fingerprint(self) -> str:
        """That of the new key; "" if there is none."""
        return fingerprint_of(base64.b64decode(self.new_key)) if self.new_key else ""

    @property
    def owner(self) -> AccountReading | None:
        """The account of the inventory that has registered the key, None if none has."""
        for account in self.reading.accounts:
            for key in value_or_none(account.keys) or ():
                if key.fingerprint == self.fingerprint:
                    return account
        return None

    @property
    def key(self) -> KeyRecord | None:
        """What the chain records of the key, None if nothing was read of it."""
        others = (key for one in self.reading.owners for key in value_or_none(one.keys) or ())
        those = (*self.reading.keys, *others)
        return next((key for key in those if key.fingerprint == self.fingerprint), None)

    @property
    def key_owner(self) -> str:
        """The address of whoever has registered the key; "" where that was not read."""
        return self.key.address if self.key is not None else ""

    @property
    def signer(self) -> AccountReading | None:
        """The account of the inventory that signs: whom people named, else the key's owner."""
        named = self.inputs.get(AS)
        if named is None:
            return self.owner
        return next((one for one in self.reading.accounts if one.entry.name == named), None)

    def acts_for(self, target: str) -> str:
        """The address in whose name an account acts: by a grant that of the key's owner, else its
        own."""
        return self.key_owner if AS in self.inputs else self.account(target).entry.address

    def keys_of(self, address: str) -> Reading[tuple[KeyRecord, ...]]:
        """The keys of an account, of the inventory or not."""
        for one in self.reading.accounts:
            if one.entry.address == address:
                return one.keys
        for other in self.reading.owners:
            if other.address == address:
                return other.keys
        return Unknown(why=Why.NOT_ASKED, reason="nobody has asked", source=address, at=self.at)

    @property
    def counted(self) -> tuple[KeyRecord, ...]:
        """The keys of the accounts of the inventory, and of whoever owns the key that is out."""
        theirs = (
            key
            for one in self.reading.owners
            for key in value_or_none(one.keys) or ()
            if key.address == self.key_owner
        )
        return (*self.reading.keys, *theirs)

    def account(self, target: str) -> AccountReading:
        """The account that is called so in plans."""
        return self.reading.account(target)

    def state(self, target: str) -> AccountState | None:
        """Number, sequence and key of an account, None if they were not read."""
        return value_or_none(self.account(target).state)

    def public_key(self, target: str) -> str:
        """By which key an account signs: as the chain has it, else as the inventory says; "" if
        neither does."""
        state = self.state(target)
        return (state.public_key if state else "") or self.account(target).entry.public_key or ""

    def events(self, fingerprint: str) -> tuple[KeyEvent, ...]:
        """What happened to a key, in order; nothing where that was not read."""
        every = value_or_none(self.reading.events) or ()
        return tuple(one for one in every if fingerprint in (one.fingerprint, one.new))

    def stranger(self, key: KeyRecord) -> KeyEvent | None:
        """The rotation of a key by an account that does not own it: the chain lets anybody."""
        return next(
            (
                one
                for one in self.events(key.fingerprint)
                if one.kind is KeyEventKind.ROTATED
                and one.fingerprint == key.fingerprint
                and one.address != key.address
            ),
            None,
        )


def fingerprint_of(public_key: bytes) -> str:
    """How the chain names a key: the first 20 bytes of its SHA-256, as hex."""
    return hashlib.sha256(public_key).hexdigest()[:40]


def parse_new_key(text: str) -> str:
    """A public key, in the one form in which it stands in a plan.

    Raises:
        ValueError: it is none.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES or not any(raw):
        raise ValueError(f"the new *public* key, X25519: {KEY_BYTES} bytes in base64")
    return base64.b64encode(raw).decode()


def has_keys(observation: Observation) -> bool:
    """Whether accounts were looked at."""
    return observation.part(KeysReading.KIND) is not None


def situation(observation: Observation, only: frozenset[str]) -> KeysSituation:
    """What was read.

    Raises:
        UsageError: the observation has none that this version can read.
    """
    reading = observation.read(KeysReading)
    has_stores = observation.part(StoresReading.KIND) is not None
    has_sessions = observation.part(SessionsReading.KIND) is not None
    has_readers = observation.part(KeyFilesReading.KIND) is not None
    has_hosts = observation.part(HostsReading.KIND) is not None
    return KeysSituation(
        reading=reading,
        stores=observation.read(StoresReading) if has_stores else None,
        sessions=observation.read(SessionsReading) if has_sessions else None,
        readers=observation.read(KeyFilesReading) if has_readers else None,
        hosts=observation.read(HostsReading) if has_hosts else None,
        at=observation.began,
        only=only,
    )
