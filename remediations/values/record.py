"""The base of every value that goes to a file: frozen, keyword-only, unknown fields refused."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Annotated

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time in UTC. One without a zone could be compared with no other; one of another zone would be
shown hours away from when it is, since times are written for people as they stand."""


NOT_UTC = "Expected a time in UTC"


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value with a strict JSON form (`remediations.values.wire`).

    Subclasses repeat `frozen=True, kw_only=True`: msgspec does not inherit the latter, and type
    checkers do not see the former.
    """

    def __post_init__(self) -> None:
        """Refuse a time of another zone than UTC.

        Raises:
            ValueError: there is one.
        """
        for name in _moments(type(self)):
            check_moment(getattr(self, name))


def check_moment(at: datetime | None) -> None:
    """Refuse a time of another zone than UTC.

    Raises:
        ValueError: it is one.
    """
    if at is not None and at.tzinfo is not UTC and at.utcoffset():
        raise ValueError(NOT_UTC)


@cache
def _moments(kind: type[Record]) -> tuple[str, ...]:
    """The fields that hold a time, by how they are annotated."""
    forms = [vars(base).get("__annotations__", {}) for base in kind.__mro__]
    return tuple(name for form in forms for name, told in form.items() if _is_moment(told))


def _is_moment(annotation: object) -> bool:
    """It is a text here; in another package it is one only where `annotations` are imported from
    `__future__`."""
    if isinstance(annotation, str):
        return annotation.startswith("Moment")
    return annotation in (Moment, Moment | None)
