"""The document that `probe.sh` prints: sections of bytes with exit status and time. Pure.

It may come from a host that an attacker controls. Only known sections are looked at; everything
else is skipped without being kept or unpacked, and no section is unpacked beyond its limit
(systems.hosts.sections).
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

import msgspec

from remediations.engine.observe.section import (
    TIME_LIMIT,
    HostDocument,
    Section,
    Trouble,
    safe_text,
)
from remediations.systems.hosts.read_section import TIMED_OUT
from remediations.values.lines import split_lines
from remediations.values.reading import Why

_MARK = b'{"remediate_probe":1,'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAID_CHARACTERS = 800
"""Of a command's error output in base64: the host sends at most 600 bytes of it."""
_NONE = msgspec.Raw()

Microseconds = Annotated[int, msgspec.Meta(ge=0, le=4_000_000_000_000_000)]
Status = Annotated[int, msgspec.Meta(ge=0, le=255)]


class DocumentError(ValueError):
    """The bytes are not such a document. The message says why, and never repeats them."""


class _Section(msgspec.Struct):
    b64: str
    rc: Status
    err: str
    at: Microseconds
    us: int


class _Printed(msgspec.Struct):
    """The frame of the document; `_Whole` adds the sections."""

    began: Microseconds
    ended: Microseconds


# Made once, at import (systems.comet.rpc_envelope): several threads use it.
_SECTION = msgspec.json.Decoder(_Section)


@lru_cache(maxsize=16)
def _decoder(names: tuple[str, ...]) -> msgspec.json.Decoder[_Printed]:
    """Keeps each section as it is in the document, so that a damaged one affects only itself.
    Members without a name here are skipped by the decoder."""
    fields = _fields(names)
    whole = msgspec.defstruct(
        "_Whole",
        [(field, msgspec.Raw, _NONE) for field in fields.values()],
        bases=(_Printed,),
        rename={field: name for name, field in fields.items()},
    )
    return msgspec.json.Decoder(whole)


def _fields(names: Iterable[str]) -> dict[str, str]:
    """Section → field of `_Whole`: not every name of a section can be that of a field."""
    return {name: f"section_{number}" for number, name in enumerate(names)}


def read_document(
    printed: bytes, *, sent: datetime, received: datetime, limits: Mapping[str, int]
) -> HostDocument:
    """The document in what a host printed, which may begin with the messages of a login.

    `sent` and `received` are times of our clock, UTC. `limits` are the sections that are looked at,
    with the bytes that each may have. The time that the program took on the host is not part of the
    trip; half of the trip is subtracted from the difference of the clocks.

    Raises:
        DocumentError: it has no complete document.
    """
    start = printed.find(_MARK)
    if start < 0:
        raise DocumentError(f"no answer of the probe in {len(printed)} bytes")
    try:
        whole = _decoder(tuple(limits)).decode(memoryview(printed)[start:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError(f"the answer of the probe is cut off or damaged: {error}") from error
    assert isinstance(whole, _Printed)
    trip = received - sent - timedelta(microseconds=whole.ended - whole.began)
    trip = max(trip, timedelta())
    offset = _moment(whole.began) - (sent + trip / 2)
    return HostDocument(
        sections=dict(_sections(whole, offset, limits)),
        clock_offset_ms=round(offset / timedelta(milliseconds=1)),
        round_trip_ms=round(trip / timedelta(milliseconds=1)),
    )


def _sections(
    whole: _Printed, offset: timedelta, limits: Mapping[str, int]
) -> Iterator[tuple[str, Section]]:
    began = _moment(whole.began) - offset
    for name, field in _fields(limits).items():
        raw: msgspec.Raw = getattr(whole, field)
        if bytes(memoryview(raw)[:1]):
            yield name, _section(raw, limits[name], offset, began)


def _section(raw: msgspec.Raw, limit: int, offset: timedelta, began: datetime) -> Section:
    """One section, unpacked; a damaged one has the time at which the reading began."""
    data, said, status, at = b"", "", 0, began
    trouble: Trouble | None = None
    try:
        part = _SECTION.decode(raw)
        status, at = part.rc, _moment(part.at) - offset
        said = safe_text(base64.b64decode(part.err[:_SAID_CHARACTERS], validate=True))
        said = "; ".join(filter(None, map(str.strip, split_lines(said))))
        if part.rc == TIMED_OUT and not part.b64:
            trouble = TIME_LIMIT
        else:
            data = _unpacked(part.b64, limit)
    except (msgspec.DecodeError, RecursionError, zlib.error, ValueError) as error:
        trouble = Trouble(Why.CORRUPT, f"damaged section: {error}")
    return Section(data=data, status=status, said=said, at=at, trouble=trouble)


def _unpacked(b64: str, limit: int) -> bytes:
    """The bytes, which are bounded on the host: more of them, or an early end, is an error."""
    unpacker = zlib.decompressobj(wbits=31)
    data = b""
    # What cannot be compressed grows by less than this, and by a third in base64.
    if len(b64) <= limit * 3 // 2 + 1024:
        data = unpacker.decompress(base64.b64decode(b64, validate=True), limit + 1)
    if len(data) > limit or not unpacker.eof:
        raise ValueError("cut off, or too large")
    return data


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
