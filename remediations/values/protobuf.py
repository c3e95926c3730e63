"""Protocol Buffers as the chain writes them, without a schema compiler. Pure.

Written deterministically: fields in the order in which they are given, no field that has its
default. So what is written here is, byte for byte, what the chain's own encoder makes of the same
values, and can be signed. Read strictly: bounded, and any other kind of field is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_NUMBER, _BYTES = 0, 2
_MOST_FIELDS = 20_000
_MOST_BITS = 64


class ProtobufError(ValueError):
    """The bytes are no message of the expected form. The message never quotes them."""


class Field(NamedTuple):
    """One field of a message: a number, or bytes (text and messages are bytes)."""

    number: int
    value: int | bytes


def write_number(number: int, value: int) -> bytes:
    """A field that holds a whole number, at least 0; nothing for 0."""
    return _varint(number << 3 | _NUMBER) + _varint(value) if value else b""


def write_text(number: int, value: str) -> bytes:
    """A field that holds a text; nothing for an empty one."""
    return write_bytes(number, value.encode())


def write_bytes(number: int, value: bytes, *, always: bool = False) -> bytes:
    """A field that holds bytes; nothing for none, unless `always`: a message that is there."""
    if not value and not always:
        return b""
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def read_fields(content: bytes) -> tuple[Field, ...]:
    """The fields of a message, in their order.

    Raises:
        ProtobufError: it is none.
    """
    return tuple(_fields(content))


def read_one(content: bytes, number: int) -> bytes:
    """The bytes in a field that a message has at most once; empty where it is not there.

    Raises:
        ProtobufError: it is no message, or has a number there, or the field several times.
    """
    found = read_all(content, number)
    if len(found) > 1:
        raise ProtobufError(f"field {number} is there {len(found)} times, expected once")
    return found[0] if found else b""


def read_all(content: bytes, number: int) -> tuple[bytes, ...]:
    """The bytes in all fields of that number.

    Raises:
        ProtobufError: it is no message, or has a number there.
    """
    found = []
    for field in read_fields(content):
        if field.number == number:
            if not isinstance(field.value, bytes):
                raise ProtobufError(f"field {number} is a number, expected bytes")
            found.append(field.value)
    return tuple(found)


def read_text(content: bytes, number: int) -> str:
    """The text in a field; "" where it is not there.

    Raises:
        ProtobufError: it is no message, or has no text there.
    """
    try:
        return read_one(content, number).decode()
    except UnicodeDecodeError:
        raise ProtobufError(f"field {number} is not UTF-8") from None


def read_number(content: bytes, number: int) -> int:
    """The number in a field; 0 where it is not there.

    Raises:
        ProtobufError: it is no message, or has no number there, or several.
    """
    found = [field.value for field in read_fields(content) if field.number == number]
    if len(found) > 1 or (found and not isinstance(found[0], int)):
        raise ProtobufError(f"field {number} is not one number")
    return int(found[0]) if found else 0


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*written, value))


def _fields(content: bytes) -> Iterator[Field]:
    at = count = 0
    while at < len(content):
        count += 1
        if count > _MOST_FIELDS:
            raise ProtobufError(f"more than {_MOST_FIELDS} fields")
        key, at = _read_varint(content, at)
        number, kind = key >> 3, key & 7
        if not number:
            raise ProtobufError("a field without a number")
        value, at = _read_varint(content, at)
        if kind == _NUMBER:
            yield Field(number, value)
        elif kind == _BYTES:
            if value > len(content) - at:
                raise ProtobufError("a field ends behind the message")
            yield Field(number, content[at : at + value])
            at += value
        else:
            raise ProtobufError(f"a field of wire type {kind}")


def _read_varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, _MOST_BITS + 6, 7):
        if at >= len(content):
            raise ProtobufError("a number ends behind the message")
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> _MOST_BITS:
                break
            return value, at
    raise ProtobufError("a number of more than 64 bits")
