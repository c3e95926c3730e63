"""Since when a key may be out, and what the chain tells of that time.

The chain has no query for the use of a key. What stands in for it: what happened to the keys of its
owner since then, and the access log of the vault (docs/keys.md#use).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from remediations.playbooks.keys.conditions import day
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.transactions.values import KeyEvent
from remediations.values.reading import Unknown

OUT_SINCE = "out-since"
_SINCE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}Z)?")
_SHOWN = 8


def parse_since(text: str) -> str:
    """A day, or a minute in UTC.

    Raises:
        ValueError: it is neither.
    """
    try:
        if not _SINCE.fullmatch(text):
            raise ValueError
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("since when it may be out: 2026-11-30 or 2026-11-30T14:05Z") from None
    return text


def use_since(keys: KeysSituation) -> Iterator[str]:
    """What is known of the time in which the key may have been used; nothing where nobody says
    since when."""
    since = keys.inputs.get(OUT_SINCE)
    if since is None:
        return
    yield (
        f"whether anybody used the key since {since} the chain does not tell: ask the vault's "
        f"access log from then on (docs/keys.md#use). {_told(keys, since)}"
    )


def _told(keys: KeysSituation, since: str) -> str:
    events = keys.reading.events
    if isinstance(events, Unknown):
        return f"What happened to this owner's keys since then is not known: {events.reason}"
    began, owner = _began(since), keys.key_owner
    theirs = {one.fingerprint for one in events.value if one.address == owner} | {keys.fingerprint}
    found = [
        one
        for one in events.value
        if one.at >= began and (one.address == owner or one.fingerprint in theirs)
    ]
    if not found:
        return "The chain tells of nothing that happened to this owner's keys since then"
    more = f", and {len(found) - _SHOWN} before these" if len(found) > _SHOWN else ""
    rows = "; ".join(_row(one, owner) for one in found[-_SHOWN:])
    return (
        f"Since then it tells of this owner's keys: {rows}{more}. Ask your people for each: what "
        "none of them did, somebody else did"
    )


def _row(event: KeyEvent, owner: str) -> str:
    """A rotation names whoever rotated: the chain lets anybody."""
    who = event.by or (event.address if event.address != owner else "")
    by = f" by {who}" if who else ""
    return f"{event.fingerprint} {event.kind}{by} in block {event.height}, {day(event.at)}"


def _began(since: str) -> float:
    moment = datetime.fromisoformat(since)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
