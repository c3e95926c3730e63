"""How it ended with one object: one value, never two booleans.

A summary that lumps "the key is missing" and "the bytes are damaged" together sends people the
wrong way: the first waits for a key, the second for a backup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum


class Outcome(StrEnum):
    """What became of an object in scope."""

    DONE = "done"
    """Sealed anew, read back, opened and compared; the former version is retired."""
    ALREADY = "already"
    """It names no revoked recipient: nothing was to be done."""
    SKIPPED_CONCURRENT = "skipped-concurrent"
    """Another writer changed it in between. That writer won; it has to be read again."""
    SKIPPED_FOREIGN = "skipped-foreign"
    """It is not an envelope, and holds no trace of one. Untouched."""
    MISSING_KEY = "missing-key"
    """It is sealed to keys that are not at hand. Untouched; the right key would open it."""
    DAMAGED = "damaged"
    """It is, or was, an envelope, and cannot be read or opened with the right key. Untouched."""
    LOCKED = "locked"
    """The store does not let the former version go (object lock, legal hold, read-only)."""


SETTLED = frozenset({Outcome.DONE, Outcome.ALREADY, Outcome.SKIPPED_FOREIGN})
"""Nothing of the revoked key is left in these."""


def tally(outcomes: Iterable[Outcome]) -> Mapping[Outcome, int]:
    """How many there are of each, all of them named, in the order of `Outcome`."""
    counted = Counter(outcomes)
    return {one: counted[one] for one in Outcome}


def all_settled(outcomes: Iterable[Outcome]) -> bool:
    """Whether nothing is left to do. No outcome at all is not success: a scope that is empty was
    looked for in the wrong place."""
    found = set(outcomes)
    return bool(found) and found <= SETTLED
