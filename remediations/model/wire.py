"""How every value is written to a file and read back: canonical JSON, and one strict decoder.

Canonical JSON is RFC 8785. Every integer is written as a decimal string, because RFC 8785 numbers
are IEEE doubles and heights and powers are 64-bit; there are no floats anywhere. The same value is
therefore always the same bytes, and its SHA-256 identifies it.

Without numbers RFC 8785 asks for no more than msgspec gives, once keys are in order: no blanks, the
shortest escapes, UTF-8. A property test compares every byte with rfc8785, which takes three times
as long.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class WireError(ValueError):
    """The bytes are no such document. The message says where and why."""


def _stringify(value: Any) -> Any:  # noqa: ANN401 - a JSON tree has no narrower type
    """The same tree with integers as decimal strings (bool is an int in Python: left alone) and
    keys in order."""
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return {key: _stringify(value[key]) for key in _in_order(tuple(value))}
    if isinstance(value, list | tuple):
        return [_stringify(item) for item in value]
    raise TypeError(f"{type(value).__name__} cannot be written canonically: {value!r}")


@lru_cache(maxsize=256)
def _in_order(keys: tuple[str, ...]) -> tuple[str, ...]:
    """In the order of their UTF-16 code units (RFC 8785, 3.2.3). Records have few sets of keys."""
    return tuple(sorted(keys, key=lambda key: key.encode("utf-16-be")))


def canonical(value: object) -> bytes:
    """`value` (a Struct, or a tree of builtins without floats) as canonical JSON.

    Raises:
        UnicodeEncodeError: a text has a lone surrogate, which UTF-8 does not.
    """
    return msgspec.json.encode(_stringify(msgspec.to_builtins(value, str_keys=True)))


def digest(value: object) -> str:
    """The SHA-256 of the canonical bytes, in lower-case hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def format_of(data: bytes) -> object:
    """The `format` of a document, which decides whether the rest can be read; None for none.

    Raises:
        WireError: the bytes are not JSON.
    """
    head = decode(data, object)
    return head.get("format") if isinstance(head, dict) else None


def decode(data: bytes, kind: type[T]) -> T:
    """`data` as a `kind`, refusing unknown fields and wrong types.

    Raises:
        WireError: the bytes are not JSON, or not a `kind`; says where.
    """
    try:
        return msgspec.json.decode(data, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(str(error)) from error
