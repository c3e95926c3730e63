"""The envelope of a CometBFT RPC answer, and the forms that its texts have. Pure.

Everything here comes from a machine that may be broken, old or lying, so nothing is assumed: a
number that does not fit, a malformed time, half a document or an HTML page is an `RpcError`.
It says what was expected and where, never what was there: that may be a secret, or may have been
chosen for its readers. Nothing takes longer than in proportion to the text.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from hashlib import sha256
from threading import Lock
from typing import ClassVar, TypeVar

import msgspec

from remediations.systems.comet import rpc_shapes as shapes
from remediations.values.lines import TextError
from remediations.values.reading import Why

T = TypeVar("T")

# Made once, at import: msgspec may crash when two threads use a type for the first time at once
# (seen with 0.22), and answers of several hosts are read at the same time.
_ENVELOPE = msgspec.json.Decoder(shapes.Envelope)

KEPT = 8
"""Values that are kept of one kind of answer: hosts may be at a few different heights."""
_KEEPING = Lock()
SHOWN = 200
"""Characters that are kept of what a node says in its own words."""


class RpcError(TextError):
    """The answer does not have the documented form. The message says why."""


class RpcFault(RpcError):
    """The answer is an error of the RPC itself. The message repeats it, made safe to show."""

    why: ClassVar[Why] = Why.FAILED


def result_of(text: bytes, shape: msgspec.json.Decoder[T]) -> T:
    """The result of an answer, read by the decoder of its shape.

    Raises:
        RpcFault: the node answered with an error.
        RpcError: the answer is malformed.
    """
    try:
        envelope = _ENVELOPE.decode(text)
        if envelope.error is None:
            return shape.decode(envelope.result)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RpcError(f"the answer is malformed: {error}") from error
    fault = f"{envelope.error.message} {envelope.error.data}"[:SHOWN]
    raise RpcFault(safe_text_of(f"the node answered with an error: {fault}"))


def shared(parse: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """`parse` for answers that are the same on every host at one height: those of equal bytes are
    read once, and share their (frozen) value. Of a hundred hosts with a hundred validators each,
    the sets alone would be ten thousand members. Errors are not kept."""
    kept: dict[bytes, T] = {}

    @wraps(parse)
    def parsed(text: bytes) -> T:
        key = sha256(text).digest()
        found = kept.get(key)
        if found is not None:
            return found
        value = parse(text)
        with _KEEPING:  # several threads read answers
            while len(kept) >= KEPT:
                del kept[next(iter(kept))]
            kept[key] = value
        return value

    return parsed


def time_of(text: str) -> datetime:
    """RFC 3339 with up to nine decimals, in UTC (microseconds are kept).

    Raises:
        RpcError: the text is malformed.
    """
    try:
        moment = msgspec.convert(text, datetime)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError, ValueError) as error:
        raise RpcError("a time is malformed") from error


def hex_of(text: str) -> str:
    """Base64 as upper-case hex.

    Raises:
        RpcError: it is not base64.
    """
    try:
        return base64.b64decode(text, validate=True).hex().upper()
    except (binascii.Error, ValueError) as error:
        raise RpcError("a hash is not base64") from error


def bounded(digits: str) -> int:
    """A number of at most 63 bits.

    Raises:
        RpcError: it has more.
    """
    number = int(digits)
    if number > shapes.MAX_INT64:
        raise RpcError("a number has more than 64 bits")
    return number


def safe_text_of(text: str) -> str:
    """A name without what could move a cursor: the operator of the node chose it."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text).strip()
