"""The few forms of protobuf that are hashed and signed, and a reader of what an application stores.
Fields that are zero or empty are left out.

Everything here may come from a machine that lies: a number, a text or a time that has no such form
is refused with `Malformed`, never cut to fit.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_UINT64 = 2**64
_INT64 = 2**63
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?Z"
)
_DAY_S = 86_400


class Malformed(ValueError):
    """It does not have the form of what it should be. The message says which form."""


def varint(number: int) -> bytes:
    """A number of 64 bits, seven at a time; a negative one as its two's complement.

    Raises:
        Malformed: it has more bits.
    """
    if not -_INT64 <= number < _UINT64:
        raise Malformed("a number has more than 64 bits")
    if 0 <= number <= 0x7F:
        return bytes((number,))
    rest, written = number % _UINT64, bytearray()
    while rest > 0x7F:
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    written.append(rest)
    return bytes(written)


Fields = dict[int, list[int | bytes]]
"""Number of a field → its values, in order: a number, or the bytes of anything else."""


def read_fields(message: bytes) -> Fields:
    """The fields of a message.

    Raises:
        Malformed: it ends within a field, or has one of a form that is not used here.
    """
    found: Fields = {}
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        field, form = tag >> 3, tag & 7
        value: int | bytes
        if form == _VARINT:
            value, at = _read_varint(message, at)
        elif form in (_BYTES, _FIXED64, _FIXED32):
            length = {_FIXED64: 8, _FIXED32: 4}.get(form, 0)
            if form == _BYTES:
                length, at = _read_varint(message, at)
            value, at = message[at : at + length], at + length
        else:
            raise Malformed("a field has a form that is not used here")
        if not field or at > len(message):
            raise Malformed("a message ends within a field")
        found.setdefault(field, []).append(value)
    return found


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of at most 64 bits, and where the next thing begins."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte, at = message[at], at + 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if number >= _UINT64:
                break
            return number, at
    raise Malformed("a number has no end, or more than 64 bits")


def one_number(fields: Fields, field: int) -> int:
    """The whole number in a field, 0 if it is left out.

    Raises:
        Malformed: it is something else.
    """
    value = fields.get(field, [0])[-1]
    if not isinstance(value, int):
        raise Malformed("a number was expected")
    return value - _UINT64 if value >= _INT64 else value


def one_bytes(fields: Fields, field: int) -> bytes:
    """The bytes in a field, none if it is left out.

    Raises:
        Malformed: it is something else.
    """
    value = fields.get(field, [b""])[-1]
    if not isinstance(value, bytes):
        raise Malformed("bytes were expected")
    return value


def one_text(fields: Fields, field: int) -> str:
    """The text in a field, "" if it is left out.

    Raises:
        Malformed: it is no text.
    """
    try:
        return one_bytes(fields, field).decode()
    except UnicodeDecodeError as error:
        raise Malformed("a text is not UTF-8") from error


def one_time(fields: Fields, field: int) -> datetime:
    """The time in a field (google.protobuf.Timestamp), in UTC; the epoch if it is left out. What is
    later than the last year of the calendar is that year's end.

    Raises:
        Malformed: it is none.
    """
    told = read_fields(one_bytes(fields, field))
    seconds = one_number(told, 1)
    if seconds < 0:  # Go's zero time: none was ever set
        return _EPOCH
    try:
        return _EPOCH + timedelta(seconds=seconds, microseconds=one_number(told, 2) // 1000)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def number_field(field: int, number: int) -> bytes:
    """A whole number, or nothing if it is 0.

    Raises:
        Malformed: it has more than 64 bits.
    """
    return varint(field << 3 | _VARINT) + varint(number) if number else b""


def fixed_field(field: int, number: int) -> bytes:
    """A whole number in eight bytes, or nothing if it is 0.

    Raises:
        Malformed: it has more than 64 bits.
    """
    if not -_INT64 <= number < _INT64:
        raise Malformed("a number has more than 64 bits")
    if not number:
        return b""
    return varint(field << 3 | _FIXED64) + number.to_bytes(8, "little", signed=True)


def bytes_field(field: int, content: bytes) -> bytes:
    """Bytes with their length, or nothing if there are none."""
    return message_field(field, content) if content else b""


def message_field(field: int, content: bytes) -> bytes:
    """A message that is always there, also an empty one."""
    return varint(field << 3 | _BYTES) + delimited(content)


def delimited(content: bytes) -> bytes:
    """The length, then the content."""
    return varint(len(content)) + content


def timestamp(text: str) -> bytes:
    """A time, RFC 3339 in UTC with up to nine decimals, as seconds and nanoseconds.

    Raises:
        Malformed: it is not one.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise Malformed("a time is not RFC 3339 in UTC")
    try:
        whole = datetime(*map(int, found.groups()[:6]), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError as error:
        raise Malformed("a time is not one of the calendar") from error
    since = whole - _EPOCH
    nanoseconds = int((found[7] or "").ljust(9, "0"))
    return number_field(1, since.days * _DAY_S + since.seconds) + number_field(2, nanoseconds)


def text_bytes(text: str) -> bytes:
    """UTF-8.

    Raises:
        Malformed: the text has none.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Malformed("a text is not UTF-8") from error


def hex_bytes(text: str) -> bytes:
    """The bytes that hex stands for.

    Raises:
        Malformed: it is not hex.
    """
    try:
        return binascii.unhexlify(text)
    except ValueError as error:
        raise Malformed("a hash is not hex") from error


def base64_bytes(text: str) -> bytes:
    """The bytes that base64 stands for.

    Raises:
        Malformed: it is not base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Malformed("a text is not base64") from error
