"""How every value is written to a file and read back: canonical JSON, and one strict decoder.

Canonical JSON is RFC 8785. Every integer is written as a decimal string, because RFC 8785 numbers
are IEEE doubles and heights and powers are 64-bit; there are no floats anywhere. The same value is
therefore always the same bytes, and its SHA-256 identifies it.
"""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import msgspec
import rfc8785

T = TypeVar("T")


class WireError(ValueError):
    """The bytes are no such document. The message says where and why."""


def _stringify(value: Any) -> Any:  # noqa: ANN401 - a JSON tree has no narrower type
    """The same tree with integers as decimal strings (bool is an int in Python: left alone)."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _stringify(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_stringify(item) for item in value]
    raise TypeError(f"{type(value).__name__} cannot be written canonically: {value!r}")


def canonical(value: object) -> bytes:
    """`value` (a Struct, or a tree of builtins without floats) as canonical JSON."""
    return rfc8785.dumps(_stringify(msgspec.to_builtins(value)))


def digest(value: object) -> str:
    """The SHA-256 of the canonical bytes, in lower-case hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def decode(data: bytes, kind: type[T]) -> T:
    """`data` as a `kind`, refusing unknown fields and wrong types.

    Raises:
        WireError: the bytes are not JSON, or not a `kind`; says where.
    """
    try:
        return msgspec.json.decode(data, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(str(error)) from error
