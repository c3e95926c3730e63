"""The Observation: everything that was read in one look, frozen.

It is an envelope. The engine knows when, with which inventory and over which logins was looked;
what was read is a part for each system, which only its owner understands (`values.part`).
"""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise

from remediations.files.trusted import MEGABYTE
from remediations.values.login import Login
from remediations.values.part import Part
from remediations.values.record import Moment, Record


class Scope(StrEnum):
    """How much was read: everything, or what decides. `apply` re-reads only what decides and leaves
    out what only describes."""

    FULL = "full"
    DECIDING = "deciding"


class Observation(Record, frozen=True, kw_only=True):
    """One look at an inventory. `began` and `ended` are the bastion's clock, UTC.

    `logins` has one entry for each host, in the inventory's order: where its name led. `parts` are
    in the order of their kinds, each kind at most once.
    """

    format: int
    tool: str
    scope: Scope
    began: Moment
    ended: Moment
    inventory_digest: str
    logins: tuple[Login, ...]
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        """Refuse parts that are not in order, or of one kind twice, with a ValueError."""
        super().__post_init__()
        if any(one.kind >= next_one.kind for one, next_one in pairwise(self.parts)):
            raise ValueError("Expected each kind of part once, in order")

    def part(self, kind: str) -> Part | None:
        """The part of that kind; None where no such system was looked at."""
        return next((part for part in self.parts if part.kind == kind), None)


OBSERVATION_FORMAT = 4
OBSERVATION_LIMIT = 256 * MEGABYTE
"""Of its file: ten thousand hosts."""
