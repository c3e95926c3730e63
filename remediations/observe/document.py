"""The document that `probe.sh` prints: sections of bytes with exit status and time. Pure."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

_MARK = b'{"remediate_probe":1,'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LIMIT = 8_000_000
_TIMED_OUT = 124
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Microseconds = Annotated[int, msgspec.Meta(ge=0, le=4_000_000_000_000_000)]


class DocumentError(ValueError):
    """The bytes are no such document. The message says why."""


class _Section(msgspec.Struct):
    b64: str
    rc: int
    err: str
    at: Microseconds
    us: int


@dataclass(frozen=True, kw_only=True)
class Section:
    """What one command on the host printed.

    `said` is the beginning of its error output where its exit status is not 0; `at` is UTC by our
    clock; `trouble` says why there is no output, "" when there is.
    """

    data: bytes
    status: int
    said: str
    at: datetime
    trouble: str

    @property
    def text(self) -> str:
        """The bytes as text that is safe to show.

        Without colours; control characters and what is not UTF-8 become U+FFFD, since a host that
        is not ours any more must not write to an operator's terminal.
        """
        return _shown(self.data)


@dataclass(frozen=True, kw_only=True)
class Document:
    """All sections by name, and how the host's clock relates to ours."""

    sections: Mapping[str, Section]
    clock_offset_ms: int
    round_trip_ms: int


def read_document(printed: bytes, *, sent: datetime, received: datetime) -> Document:
    """The document in what a host printed (which may begin with a login's chatter).

    `sent` and `received` are our clock, UTC. What the program took on the host is no part of the
    trip; half of what remains is subtracted from the difference of the clocks.

    Raises:
        DocumentError: there is no complete document.
    """
    start = printed.find(_MARK)
    if start < 0:
        raise DocumentError(f"no answer of the probe in {len(printed)} bytes")
    try:
        raw = msgspec.json.decode(printed[start:], type=dict[str, msgspec.Raw])
        began = msgspec.json.decode(raw.pop("began"), type=Microseconds)
        ended = msgspec.json.decode(raw.pop("ended"), type=Microseconds)
        del raw["remediate_probe"]
        parts = {name: msgspec.json.decode(part, type=_Section) for name, part in raw.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError) as error:
        raise DocumentError(f"the answer of the probe is cut off or damaged: {error}") from error
    trip = max(received - sent - timedelta(microseconds=ended - began), timedelta())
    offset = _moment(began) - (sent + trip / 2)
    return Document(
        sections={name: _section(part, offset) for name, part in parts.items()},
        clock_offset_ms=round(offset / timedelta(milliseconds=1)),
        round_trip_ms=round(trip / timedelta(milliseconds=1)),
    )


def _section(part: _Section, offset: timedelta) -> Section:
    data, said, trouble = b"", "", ""
    if part.rc == _TIMED_OUT and not part.b64:
        trouble = "no answer within the time limit"
    else:
        try:
            said = _shown(base64.b64decode(part.err, validate=True)).strip()
            data = _unpacked(part.b64)
        except (zlib.error, binascii.Error, ValueError) as error:
            trouble = f"damaged section: {error}"
    return Section(
        data=data, status=part.rc, said=said, at=_moment(part.at) - offset, trouble=trouble
    )


def _unpacked(b64: str) -> bytes:
    """The bytes, which are bounded on the host: more of them is an error, as is an early end."""
    unpacker = zlib.decompressobj(wbits=31)
    data = unpacker.decompress(base64.b64decode(b64, validate=True), _LIMIT + 1)
    if len(data) > _LIMIT or not unpacker.eof:
        raise ValueError("cut off, or too large")
    return data


def _shown(data: bytes) -> str:
    return _CONTROL.sub("\ufffd", _COLOUR.sub("", data.decode("utf-8", "replace")))


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
