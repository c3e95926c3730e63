"""Tries a sample of a store's objects as a job would, and writes nothing: a dry run.

Each object of the sample is read, opened with the old key, sealed to the new one in memory, and
opened again. What comes of it is thrown away.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from remediations.systems.stores.envelope import Envelope, parse
from remediations.systems.stores.inventory import Place
from remediations.systems.stores.opening import store_at
from remediations.systems.stores.outcomes import Outcome
from remediations.systems.stores.reencrypt import Resealing, Row
from remediations.systems.stores.reencrypt_section import ReencryptEntry
from remediations.systems.stores.sealing import NotOpened, PrivateKey, SealError, open_envelope
from remediations.systems.stores.store import Absent, StoreError

SAMPLE = 200
"""Objects that are tried in each store."""
_SHOWN = 3


@dataclass
class Sampled:
    """What came of a sample: how many versions there are, how many were looked at, how many of
    those name the old key, and how many of these would be sealed anew. `bad` names the others, of
    the first few, `seconds` is what it took."""

    versions: int = 0
    looked_at: int = 0
    named: int = 0
    good: int = 0
    bad: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def says(self) -> str:
        """It in one sentence."""
        bad = f"; not: {', '.join(self.bad)}" if self.bad else ""
        each = f", {1000 * self.seconds / self.looked_at:.1f} ms each" if self.looked_at else ""
        return (
            f"{self.looked_at:,} of {self.versions:,} versions tried{each}: {self.named:,} name "
            f"the old key, {self.good:,} of them open and are sealed anew in memory{bad}"
        )


def try_sample(
    place: Place, entry: ReencryptEntry, old: PrivateKey, new: PrivateKey, most: int = SAMPLE
) -> Sampled:
    """Try some objects, from all over the listing.

    Raises:
        StoreError: the store cannot be listed.
    """
    found = Sampled()
    began = time.monotonic()
    with closing(store_at(place)) as store:
        work = Resealing(
            store=store, old=old, new=new, former=place.rules.former_versions,
            several=entry.several,
        )  # fmt: skip
        rows = work.rows()
        found.versions = len(rows)
        for row in _spread(rows, most):
            found.looked_at += 1
            reason = _tried(found, work, row)
            if reason and len(found.bad) < _SHOWN:
                found.bad = (*found.bad, f"{row.key} ({reason})")
    found.seconds = time.monotonic() - began
    return found


def _spread(rows: Sequence[Row], most: int) -> list[Row]:
    """At most so many, at equal distances."""
    if len(rows) <= most:
        return list(rows)
    return [rows[number * len(rows) // most] for number in range(most)]


def _tried(found: Sampled, work: Resealing, row: Row) -> str:
    """Why a version that may name the old key would not be sealed anew, "" if it would."""
    try:
        data = work.store.read(row.key, row.version).data
    except Absent:
        return ""
    except StoreError as error:
        return str(error)
    envelope = parse(data)
    if not isinstance(envelope, Envelope):
        return envelope.reason if envelope.outcome is Outcome.DAMAGED else ""
    if work.old.fingerprint not in envelope.recipients:
        return ""
    found.named += 1
    opened = open_envelope(envelope, work.old)
    if isinstance(opened, NotOpened):
        return opened.reason
    try:
        back = open_envelope(work.sealed(envelope, opened.content), work.new)
    except SealError as error:
        return str(error)
    if isinstance(back, NotOpened) or back.content != opened.content:
        return "the new key does not open what was sealed to it"
    found.good += 1
    return ""
