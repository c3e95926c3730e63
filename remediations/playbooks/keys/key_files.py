"""Which readers have which key, and which one each is to have. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from remediations.engine.find.finding import FindingTable
from remediations.playbooks.keys.reencryption_scope import former_owner, recipient
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.keyfile.reading import KeyFile, KeyFilesReading, ReaderReading
from remediations.values.reading import Unknown, value_or_none

NO_READERS = KeyFilesReading(hosts=())


class ReaderKey(StrEnum):
    """Which key a reader has."""

    OLD = "the key that is out"
    NEW = "the new key"
    FOREIGN = "another key"
    UNKNOWN = "not known"


class Exchange(NamedTuple):
    """What is exchanged on one host, by fingerprints: what lies there, what is out, and what takes
    its place; "" for what is not known."""

    present: str
    old: str
    new: str

    @property
    def stands(self) -> ReaderKey:
        """Which key the reader has."""
        if not self.present:
            return ReaderKey.UNKNOWN
        if self.present == self.old:
            return ReaderKey.OLD
        return ReaderKey.NEW if self.present == self.new else ReaderKey.FOREIGN


def all_readers(keys: KeysSituation) -> tuple[ReaderReading, ...]:
    """Every reader of the inventory."""
    return (keys.readers or NO_READERS).hosts


def reader(keys: KeysSituation, host: str) -> ReaderReading:
    """The reader of a host.

    Raises:
        KeyError: it has none.
    """
    return (keys.readers or NO_READERS).host(host)


def has_reader(keys: KeysSituation, host: str) -> bool:
    """Whether the inventory has a reader there."""
    return any(one.host == host for one in all_readers(keys))


def address_of(keys: KeysSituation, one: ReaderReading) -> str:
    """Whose key it reads with, "" if the inventory has no such account, and nobody such a key."""
    named = one.entry.account
    for account in keys.reading.accounts:
        if named in (account.entry.name, account.entry.address):
            return account.entry.address
    known = {owner.address for owner in keys.reading.owners}
    return named if named in known else ""


def readers(keys: KeysSituation) -> tuple[ReaderReading, ...]:
    """Those that read with the keys of whoever owned the key that is out."""
    owner = former_owner(keys)
    return tuple(one for one in all_readers(keys) if owner and address_of(keys, one) == owner)


def lacking(keys: KeysSituation) -> tuple[ReaderReading, ...]:
    """Those of them that are not known to have the new key."""
    those = readers(keys)
    return tuple(one for one in those if stands(keys, one.host) is not ReaderKey.NEW)


def may_act_on(keys: KeysSituation, host: str) -> bool:
    """Whether people left it in."""
    return not keys.only or host in keys.only


def file_of(one: ReaderReading) -> KeyFile | None:
    """The file as it was read, None if it was not."""
    return value_or_none(one.file)


def exchange_of(keys: KeysSituation, host: str) -> Exchange:
    """What is exchanged there. Where nobody named the key that is out (a deploy by hand), it
    follows from what lies there, what was brought, and which keys of the account are active."""
    one = reader(keys, host)
    file = file_of(one)
    present = "" if file is None else file.fingerprint
    if keys.fingerprint:
        new = recipient(keys)
        return Exchange(present, keys.fingerprint, "" if new is None else new.fingerprint)
    address, now = address_of(keys, one), int(keys.at.timestamp())
    theirs = [key for key in keys.reading.keys if address and key.address == address]
    kept = value_or_none(one.former) or ()
    former = [key.name for key in kept if key.name == key.fingerprint != present]
    if len(former) == 1:
        return Exchange(present, former[0], present)
    active = [
        key.fingerprint
        for key in theirs
        if key.fingerprint != present
        and not (key.revoked_at or key.deprecated_at)
        and not (key.expires_at and key.expires_at <= now)
    ]
    if len(active) > 1:  # then it is the one that people have brought there
        brought = {
            key.name for key in value_or_none(one.staged) or () if key.name == key.fingerprint
        }
        active = [key for key in active if key in brought]
    old = present if any(key.fingerprint == present for key in theirs) else ""
    return Exchange(present, old, active[0] if len(active) == 1 else "")


def stands(keys: KeysSituation, host: str) -> ReaderKey:
    """Which key the reader of a host has."""
    return exchange_of(keys, host).stands


def reader_table(keys: KeysSituation) -> FindingTable | None:
    """All readers, for people; None where the inventory has none."""
    rows = tuple(_row(one) for one in all_readers(keys))
    if not rows:
        return None
    columns = ("host", "account", "key in use", "brought there", "kept from before", "unit")
    return FindingTable(title="readers of keys", columns=columns, rows=rows)


def _row(one: ReaderReading) -> tuple[str, ...]:
    unit = value_or_none(one.unit)
    told = unit.active if unit else "?" if one.entry.unit else "reads it each time"
    return (
        one.host,
        one.entry.account,
        describe_file(one),
        _names(value_or_none(one.staged)),
        _names(value_or_none(one.former)),
        f"{one.entry.unit} {told}".strip(),
    )


def _names(kept: object) -> str:
    if not isinstance(kept, tuple):
        return "?"
    return ", ".join(one.name[:12] for one in kept) or "none"


def describe_file(one: ReaderReading) -> str:
    """The key in the file, or why it is not known."""
    if isinstance(one.file, Unknown):
        return f"not known: {one.file.reason}"
    file = one.file.value
    return file.flaw or file.fingerprint or f"no key in the form {one.entry.form}"
