"""What a chain counts against a validator that did not sign its last block (`absent_answers.py`):
how many blocks, and so which one it signed last at the earliest.

x/slashing counts for each bonded validator the blocks that it missed of a window, and begins anew
when it is bonded.
"""

from __future__ import annotations

from remediations.values.record import Record

_FIRST = 1
"""Who is bonded since then, and was never bonded anew, is counted from the first block on."""
_BEHIND = 2
"""Blocks by which the count and the height that it is told for may be apart."""


class SlashingTerms(Record, frozen=True, kw_only=True):
    """What follows for a validator that misses more than `may_miss` blocks of the last `window`:
    it is jailed for at least `jail_s` seconds, and loses `slashed` of its stake (a fraction, as a
    decimal: "0.01" is one per cent). Parameters of x/slashing, the same for all."""

    window: int
    may_miss: int
    jail_s: int
    slashed: str


class Absence(Record, frozen=True, kw_only=True):
    """A validator (its consensus address, upper-case hex) that did not sign the last block.

    `missed` blocks of the last `window` are counted against it, in the state after block `height`;
    it is bonded since block `since`, and `counted` blocks were looked at from then on, 0 where the
    chain does not tell. `terms` are what follows, None where they are in another form than ours.
    """

    address: str
    height: int
    missed: int
    window: int
    since: int
    counted: int
    terms: SlashingTerms | None = None

    @property
    def signed(self) -> int | None:
        """The lowest block that it can have signed last, 0 where it may have signed none; None
        where the count does not tell. All that it missed may have been the newest, but no more than
        that: where the window is full, or it missed every block since it was bonded again, it may
        have been away for longer."""
        seen = self.height - 1 - self.since
        away = self.missed + _BEHIND
        if away >= self.window:
            return None
        if self.since <= _FIRST and (not self.counted or self.counted + _BEHIND >= seen):
            return max(0, seen + self.since - away)
        if away >= seen or (self.counted and away >= self.counted):
            return None
        return self.height - 1 - away
