"""The base of every value that is written to a file: frozen, keyword-only, no unknown fields."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Annotated

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time in UTC. Times are shown to people as they are, so one in another zone would be shown hours
off; one without a zone could not be compared."""


NOT_UTC = "Expected a time in UTC"


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value with a strict JSON form (`remediations.values.wire`).

    Subclasses repeat `frozen=True, kw_only=True`: msgspec does not inherit the latter, and type
    checkers do not see the former.
    """

    def __post_init__(self) -> None:
        """Check that all times are in UTC.

        Raises:
            ValueError: one is not.
        """
        for name in _moments(type(self)):
            check_moment(getattr(self, name))


def check_moment(at: datetime | None) -> None:
    """Check that a time is in UTC.

    Raises:
        ValueError: it is not.
    """
    if at is not None and at.tzinfo is not UTC and at.utcoffset():
        raise ValueError(NOT_UTC)


@cache
def _moments(kind: type[Record]) -> tuple[str, ...]:
    """The fields that hold a time, by their annotations."""
    forms = [vars(base).get("__annotations__", {}) for base in kind.__mro__]
    return tuple(name for form in forms for name, told in form.items() if _is_moment(told))


def _is_moment(annotation: object) -> bool:
    """It is a text here; in another package it is one only where `annotations` are imported from
    `__future__`."""
    if isinstance(annotation, str):
        return annotation.startswith("Moment")
    return annotation in (Moment, Moment | None)
