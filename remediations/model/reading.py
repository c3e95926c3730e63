"""A reading: one value with where it came from and when, or *unknown* with the reason.

There is no default for what could not be read (docs/concepts.md): code that needs a value has to
say what it does without one.
"""

from __future__ import annotations

from typing import Generic, TypeVar, Union

import msgspec

from remediations.model.record import Moment, check_moment

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
        """Refuse a time of another zone than UTC, with a ValueError."""
        check_moment(self.at)


class Unknown(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="reading",
    tag="unknown",
):
    """A value that could not be read, and why."""

    reason: str
    source: str
    at: Moment

    def __post_init__(self) -> None:
        """Refuse a time of another zone than UTC, with a ValueError."""
        check_moment(self.at)


Reading = Union[Known[T], Unknown]


def value_or_none(reading: Known[T] | Unknown) -> T | None:
    """The value, or None where it is unknown. For decisions that treat unknown explicitly."""
    return reading.value if isinstance(reading, Known) else None
