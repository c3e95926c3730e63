"""What is sealed to the key that is out, where, and who is to read it from now on. Pure."""

from __future__ import annotations

import base64
from typing import NamedTuple

from remediations.playbooks.keys.conditions import day
from remediations.playbooks.keys.situation import KeysSituation
from remediations.playbooks.keys.use_window import OUT_SINCE
from remediations.systems.stores.inventory import FormerVersions, Holds
from remediations.systems.stores.reading import (
    KeyCount,
    ReencryptReading,
    StoreReading,
    StoresReading,
    StoreSurvey,
)
from remediations.systems.transactions.values import KeyEventKind, KeyRecord
from remediations.values.reading import value_or_none

"""The input: since when the key may have been out."""
NO_STORES = StoresReading(stores=())


class Revoked(NamedTuple):
    """When the key was revoked, by its record or by an event; and what tells it."""

    at: int
    by: str


def stores_of(keys: KeysSituation) -> StoresReading:
    """What was read of stores; none where the inventory has none."""
    return keys.stores or NO_STORES


def reencrypt_of(keys: KeysSituation) -> ReencryptReading | None:
    """What sealing anew needs on the machine that looked, None where nobody does it there."""
    return stores_of(keys).reencrypt


def survey_of(store: StoreReading) -> StoreSurvey | None:
    """What was found in it, None if it was not gone through."""
    return value_or_none(store.survey)


def named_in(keys: KeysSituation, store: StoreReading) -> KeyCount | None:
    """What names the key that is out, in one store; None if nothing does, or nobody knows."""
    survey = survey_of(store)
    return None if survey is None else survey.key(keys.fingerprint)


def store_of(keys: KeysSituation, target: str) -> StoreReading:
    """The store that is called so in plans.

    Raises:
        KeyError: there is none.
    """
    return {one.target: one for one in stores_of(keys).stores}[target]


def in_scope(keys: KeysSituation) -> tuple[StoreReading, ...]:
    """The stores that are declared to have envelopes and can be written, and in which something
    names the key or which could not be gone through: an unknown store is in scope, so that its
    guard says so."""
    return tuple(
        one
        for one in stores_of(keys).stores
        if one.rules.holds is Holds.ENVELOPES
        and not one.is_locked
        and (not keys.only or one.target in keys.only)
        and (survey_of(one) is None or named_in(keys, one) is not None)
    )


def locked(keys: KeysSituation) -> tuple[StoreReading, ...]:
    """The stores in which something names the key and nothing can be sealed anew from here."""
    return tuple(
        one for one in stores_of(keys).stores if one.is_locked and named_in(keys, one) is not None
    )


def count_of_all(keys: KeysSituation) -> int:
    """How many versions name the key, in all stores that could be gone through."""
    found = (named_in(keys, one) for one in stores_of(keys).stores)
    return sum(one.count for one in found if one is not None)


def why_needed(store: StoreReading, key: str) -> str:
    """What in a store still needs a key and nobody has accepted, "" if nothing does. A version that
    could not be read may be sealed to any key."""
    survey, rules = survey_of(store), store.rules
    if survey is None:
        return ""
    named, told = survey.key(key), []
    if named is not None and named.live > (rules.accept_locked if store.is_locked else 0):
        told.append(f"{named.live} versions")
    if named is not None and named.former and rules.former_versions is not FormerVersions.KEEP:
        told.append(f"{named.former} former versions")
    if (bad := survey.damaged + survey.unread) > rules.accept_damaged:
        told.append(f"{bad} that cannot be read, {rules.accept_damaged} accepted")
    return f"{store.store}: {', '.join(told)}" if told else ""


def what_stays(store: StoreReading, key: str) -> str:
    """What of a store people have accepted that only a key opens, or nothing; "" if nothing."""
    survey = survey_of(store)
    if survey is None or why_needed(store, key):
        return ""
    named, told = survey.key(key), []
    if named is not None and named.live:
        told.append(f"{named.live} versions that cannot be sealed anew from here")
    if named is not None and named.former:
        told.append(f"{named.former} former versions")
    if bad := survey.damaged + survey.unread:
        told.append(f"{bad} that cannot be read")
    return f"{store.store}: {', '.join(told)} (accepted)" if told else ""


def revoked(keys: KeysSituation) -> Revoked | None:
    """That the key was revoked, None if nothing says so. A record goes seven days later; then the
    event is what is left."""
    if keys.key is not None:
        return Revoked(keys.key.revoked_at, "its record") if keys.key.revoked_at else None
    events = (one for one in keys.events(keys.fingerprint) if one.kind is KeyEventKind.REVOKED)
    found = next(events, None)
    return None if found is None else Revoked(found.at, f"an event in block {found.height}")


def former_owner(keys: KeysSituation) -> str:
    """The address that registered the key, "" if nothing tells."""
    if keys.key is not None:
        return keys.key.address
    events = (one for one in keys.events(keys.fingerprint) if one.kind is KeyEventKind.REGISTERED)
    return next((one.address for one in events), "")


def active_keys(keys: KeysSituation) -> tuple[KeyRecord, ...]:
    """Keys of the same owner to which one may seal now."""
    owner, now = former_owner(keys), int(keys.at.timestamp())
    return tuple(
        one
        for one in keys.reading.keys
        if one.address == owner
        and one.fingerprint != keys.fingerprint
        and not (one.revoked_at or one.deprecated_at)
        and not (one.expires_at and one.expires_at <= now)
    )


def recipient(keys: KeysSituation) -> KeyRecord | None:
    """Who reads from now on: the key that was named, else the only active one of the same owner;
    None if nobody named one and there is not exactly one, or if the named one is not active."""
    those = active_keys(keys)
    if keys.new_key:
        return next((one for one in those if one.fingerprint == keys.new_fingerprint), None)
    return those[0] if len(those) == 1 else None


def public_key(record: KeyRecord) -> str:
    """Its public half in base64, whichever way the record has it."""
    try:
        raw = bytes.fromhex(record.public_key)
    except ValueError:
        return record.public_key
    return base64.b64encode(raw).decode()


def known_since(keys: KeysSituation) -> str:
    """From when on what was sealed to the key must be taken as known: as somebody said, else since
    the key was registered."""
    told = keys.inputs.get(OUT_SINCE, "")
    if told:
        return told
    if keys.key is not None:
        return f"{day(keys.key.registered_at)} (registered)"
    return "ever"
