"""The Observation: everything that was read in one look, frozen.

It is an envelope. The engine knows when, with which inventory and over which logins was looked;
what was read is a part for each system, which only its owner understands (`values.part`).
"""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from typing import TypeVar

from remediations.errors import UsageError
from remediations.files.trusted import MEGABYTE
from remediations.values.login import Login
from remediations.values.part import Kinded, Part
from remediations.values.record import Moment, Record

K = TypeVar("K", bound=Kinded)


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

    def read(self, kind: type[K]) -> K:
        """What the system of that kind read.

        Raises:
            UsageError: it is not there, or has another form than this version writes.
        """
        part = self.part(kind.KIND)
        if part is None:
            raise unusable_part_error(kind.KIND, "an observation without it")
        try:
            return part.read(kind)
        except ValueError as error:
            raise unusable_part_error(kind.KIND, str(error)) from error


def unusable_part_error(kind: str, got: str) -> UsageError:
    """The refusal of an observation whose part of that kind cannot be used."""
    return UsageError(
        f"the observation has no {kind} that can be used",
        guard="observation",
        got=got[:300],
        expected=f"a part {kind}, as this version writes it",
        next_step="observe again: remediate diagnose --inventory INVENTORY --save FILE",
    )


OBSERVATION_FORMAT = 4
OBSERVATION_LIMIT = 256 * MEGABYTE
"""Of its file: ten thousand hosts."""
