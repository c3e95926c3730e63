"""How every value is written to a file and read back: canonical JSON, and one strict decoder.

Canonical JSON is RFC 8785. Every integer is written as a decimal string, because RFC 8785 numbers
are IEEE doubles while heights and powers are 64-bit integers; there are no floats anywhere. The
same value is therefore always the same bytes, and its SHA-256 identifies it.

Without numbers, msgspec's output with sorted keys is what RFC 8785 asks for: no blanks, the
shortest escapes, UTF-8. It takes a third of the time of the package rfc8785; a property test
compares them.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from remediations.values.secret import Secret

T = TypeVar("T")

_FORMAT = re.compile("[0-9]{1,9}")
_PATH = re.compile(r"`(?:key in )?\$[\w.\[\]]{0,200}`")
_TYPES = re.compile(
    r"Expected `[\w |]{1,100}`(?:, got `\w{1,40}`)?"
    r"|Object missing required field `\w{1,80}`"
    r"|JSON is malformed: [a-z ]{1,60}(?: \(byte [0-9]{1,12}\))?"
    r"|Input data was truncated|Invalid RFC3339 encoded datetime|Expected a time in UTC"
)
"""The messages of msgspec that do not quote the document."""


_LISTS = (list, tuple)
_UNCHANGED = (str, bool, type(None))


class WireError(ValueError):
    """The bytes are not a document of that type. The message has the path and the expected type,
    and never quotes the document: a link may have led to a file with secrets."""


def _stringify(value: Any) -> Any:  # noqa: ANN401 - a JSON tree has no narrower type
    """The same tree with sorted keys, and with integers (but not bools) as decimal strings."""
    # A tree has ten thousands of values, of which four in five are texts: those are not looked at
    # by a call of their own, and lists and objects are asked for first.
    if isinstance(value, dict):
        return {
            key: item if type(item := value[key]) is str else _stringify(item)
            for key in _in_order(tuple(value))
        }
    if isinstance(value, _LISTS):
        return [item if type(item) is str else _stringify(item) for item in value]
    if isinstance(value, _UNCHANGED):
        return value
    if isinstance(value, int):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written canonically: {value!r}")


@lru_cache(maxsize=256)
def _in_order(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Sorted by UTF-16 code units (RFC 8785, 3.2.3). Records have few different sets of keys."""
    return tuple(sorted(keys, key=lambda key: key.encode("utf-16-be")))


def canonical(value: object) -> bytes:
    """`value` (a Struct, or a tree of builtins without floats) as canonical JSON.

    Raises:
        UnicodeEncodeError: a string has a lone surrogate, which UTF-8 cannot encode.
    """
    return msgspec.json.encode(as_tree(value))


def as_tree(value: object) -> Any:  # noqa: ANN401 - a JSON tree has no narrower type
    """The tree from which the canonical JSON of `value` is written: sorted keys, integers as
    decimal strings."""
    return _stringify(msgspec.to_builtins(value, str_keys=True, enc_hook=_shown))


def _shown(value: object) -> str:
    """What stands for a value that has no form of its own."""
    if isinstance(value, Secret):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written canonically")


def digest(value: object) -> str:
    """The SHA-256 of the canonical bytes, in lower-case hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def format_of(data: bytes) -> str | int | None:
    """The `format` of a document, which decides whether the rest can be read; None if it has none
    that is a number.

    Raises:
        WireError: the bytes are not JSON.
    """
    head = decode(data, object)
    found = head.get("format") if isinstance(head, dict) else None
    return found if isinstance(found, str | int) and _FORMAT.fullmatch(str(found)) else None


def decode(data: bytes, kind: type[T]) -> T:
    """Decode `data` as a `kind`. Unknown fields and wrong types are refused.

    Raises:
        WireError: the bytes are not JSON, or not a `kind`; the message says where.
    """
    try:
        return msgspec.json.decode(data, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(form_error(error)) from None


def form_error(error: Exception) -> str:
    """The message of msgspec with the path, if it names only types and fields of ours."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    what, _, where = str(error).rpartition(" - at ")
    if not _PATH.fullmatch(where):
        what, where = str(error), ""
    said = what if _TYPES.fullmatch(what) else "a value or a field that is not known"
    return f"{said}, at {where.strip('`')}" if where else said
