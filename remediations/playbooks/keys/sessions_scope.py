"""Which items are to be reset for the key that is out, and how each stands. Pure."""

from __future__ import annotations

import math

from remediations.playbooks.keys.reencryption_scope import revoked
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.sessions.reading import ItemReading, SessionsReading
from remediations.values.reading import value_or_none

ITEMS = "items"
"""The input: which items, where not all that are open."""


def sessions_of(keys: KeysSituation) -> SessionsReading:
    """What was read of items; none where the inventory has none."""
    return keys.sessions or SessionsReading(machine="", here="", flaw="", items=())


def named(keys: KeysSituation) -> tuple[str, ...]:
    """The items that people named; none where they named none."""
    told = keys.inputs.get(ITEMS, "")
    return tuple(told.split(",")) if told else ()


def concerned(keys: KeysSituation) -> tuple[ItemReading, ...]:
    """The items that have to be reset when this key is out."""
    return tuple(one for one in sessions_of(keys).items if one.concerns(keys.fingerprint))


def is_done(keys: KeysSituation, item: ItemReading) -> bool | None:
    """Whether it is reset: nothing from before the key was revoked counts any more. None where its
    probe does not tell."""
    answer, gone = value_or_none(item.answer), revoked(keys)
    since = begin(keys) if gone is None else gone.at
    return None if answer is None else answer.is_done(since)


def in_scope(keys: KeysSituation) -> tuple[ItemReading, ...]:
    """The items that people named; else those that concern the key and are not known to be done. An
    unknown one is in scope, so that its guard says so."""
    those = named(keys)
    found = (
        tuple(one for one in sessions_of(keys).items if one.item.name in those)
        if those
        else tuple(one for one in concerned(keys) if is_done(keys, one) is not True)
    )
    return tuple(one for one in found if not keys.only or one.target in keys.only)


def begin(keys: KeysSituation) -> int:
    """When it was looked, in seconds since 1970, no earlier than it was."""
    return math.ceil(keys.at.timestamp())
