"""A reading: one value with its source and time, or *unknown* with the reason.

There is no default for a value that could not be read (docs/concepts.md): code that needs a value
has to say what it does without one. Decisions use `why`; the sentence beside it is for people, may
quote a host, and decides nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeVar, Union

import msgspec

from remediations.values.record import Moment, check_moment

T = TypeVar("T", covariant=True)


class Known(
    msgspec.Struct,
    Generic[T],
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="reading",
    tag="known",
):
    """A value that was read: `source` names the command, file or query; `at` is UTC."""

    value: T
    source: str
    at: Moment

    def __post_init__(self) -> None:
        """Raise a ValueError if the time is not in UTC."""
        check_moment(self.at)


class Why(StrEnum):
    """Why a value could not be read."""

    UNREACHABLE = "unreachable"
    """There is no connection to the host, or it was lost."""
    TIME_LIMIT = "time-limit"
    """No answer within the time limit."""
    TOO_LARGE = "too-large"
    """The host sent more than the limit."""
    CORRUPT = "corrupt"
    """What the host sent is truncated or damaged, or contradicts itself."""
    NOT_ASKED = "not-asked"
    """It is out of scope, or something that has to be known first is unknown."""
    NO_UNIT = "no-unit"
    """The host has no unit for the daemon."""
    SEVERAL_UNITS = "several-units"
    """Several units of the host may be the daemon's, and the inventory does not name one."""
    NO_HOME = "no-home"
    """The unit's home is not given, is given twice differently, or is not a home."""
    NO_RPC = "no-rpc"
    """The node serves no RPC at a TCP address."""
    NOT_LISTENING = "not-listening"
    """The connection to the RPC was refused."""
    ABSENT = "absent"
    """The file does not exist."""
    DENIED = "denied"
    """The login does not have the rights: sudo is refused."""
    REFUSED = "refused"
    """It exists, but is not read: its type, form, place or size is not an accepted one."""
    FAILED = "failed"
    """The command on the host failed, or the node answered with an error."""
    MALFORMED = "malformed"
    """What was read does not have the expected form."""


class Unknown(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="reading",
    tag="unknown",
):
    """A value that could not be read: `why` for decisions, `reason` for people."""

    why: Why
    reason: str
    source: str
    at: Moment

    def __post_init__(self) -> None:
        """Raise a ValueError if the time is not in UTC."""
        check_moment(self.at)


Reading = Union[Known[T], Unknown]


def value_or_none(reading: Known[T] | Unknown) -> T | None:
    """The value, or None if it is unknown. For decisions that treat unknown explicitly."""
    return reading.value if isinstance(reading, Known) else None
