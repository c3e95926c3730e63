"""From host data to the planned value that a deploy or a preflight check works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TypeVar

T = TypeVar("T")


def described_by(
    data: Mapping[str, object], kind: Callable[..., T], malformed: type[ValueError]
) -> T:
    """The value of `kind`, a dataclass, that host data describe. Keys that are not fields are
    ignored; the fields check themselves, and raise `malformed`.

    Raises:
        ValueError: a field is missing (as `malformed`), or malformed.
    """
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    try:
        return kind(**{key: data[key] for key in data if key in names})
    except TypeError as error:
        raise malformed(f"host data are incomplete: {error}") from error
