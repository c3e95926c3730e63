"""Whether one key can sign at a position, by the rules of CometBFT (`privval.CheckHRS`). Pure.

A sign state (height, round, step) forbids whatever lies before it:

1. At a lower height, everything: `height regression`. It can sign again above its own height.
2. At the same height in a lower round, everything: `round regression`.
3. In the same round, what comes before its step: `step regression`; and at its step everything but
   the same message: `conflicting data`.
4. All that lies above it can be signed.

The write-ahead log brings a node back into its round with the votes that it cast there; it only has
to sign what is left of the round. Without the log a node begins in round 0 and would have to sign
everything anew (docs/rules/hazards.md#deleted-wal). So it would with a sign state that was written
by hand, which has no signed bytes: no log has those votes, and none can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from remediations.systems.comet.sign_state import SignState, SignStep


class Position(NamedTuple):
    """Where votes are to be signed."""

    height: int
    round: int = 0

    def __str__(self) -> str:
        """As operators write it: `114/0`."""
        return f"{self.height}/{self.round}"


class Answer(StrEnum):
    """Whether a key can sign at a position."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Ability(NamedTuple):
    """From which round of one height a key can sign both votes of a round.

    `surely` is the first round in which nothing forbids it, `perhaps` the first in which it depends
    on what was not read, or on which message it is. None: in no round of this height.
    """

    surely: int | None
    perhaps: int | None

    def in_round(self, round_: int) -> Answer:
        """Whether it can sign in this round. Once it can, it can in every later one."""
        if self.surely is not None and round_ >= self.surely:
            return Answer.YES
        if self.perhaps is not None and round_ >= self.perhaps:
            return Answer.UNKNOWN
        return Answer.NO


ALWAYS, NEVER, UNREAD = Ability(0, 0), Ability(None, None), Ability(None, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """One key of the validator set with its power, where it would sign.

    `votes`: it runs and votes at this height now, whatever was read of its files. `state` is None
    where the sign state is unknown; then `lacks` names the reading that is missing. `has_log` says
    whether a write-ahead log is there, None if that was not read.
    """

    name: str
    power: int
    votes: bool = False
    state: SignState | None = None
    has_log: bool | None = None
    lacks: str = ""

    @property
    def has_bytes(self) -> bool:
        """Whether its sign state has what was signed. One that was written by hand does not."""
        return self.state is not None and self.state.signed_at is not None

    @property
    def brings_round(self) -> bool | None:
        """Whether its log brings the round and the votes of its sign state along; None if it was
        not read whether there is one."""
        return self.has_log if self.has_bytes else False

    def at(self, height: int) -> Ability:
        """Its ability at this height (the numbers are those at the head of this module)."""
        if self.votes:
            return ALWAYS
        if self.state is None:
            return UNREAD
        if self.state.height > height:  # 1
            return NEVER
        if self.state.height < height:  # 4
            return ALWAYS
        round_ = self.state.round
        if self.brings_round or self.state.step <= SignStep.PROPOSAL:
            return Ability(round_, round_)
        again = self.state.step == SignStep.PREVOTE and self.has_bytes  # 3
        perhaps = round_ if again or self.brings_round is None else round_ + 1
        return Ability(round_ + 1, perhaps)  # 2
