"""The one form in which files of a run travel: a plain tar (POSIX ustar). Any standard tool can
list and extract them, and the same files have exactly one form.

1. Nothing of the machine is in it: no owner, no mode, no time, no path. Files are in one order.
2. It is not compressed: the bytes of a compressor depend on its version, and what is small cannot
   unfold into something large.
3. It is read strictly: a header is built again from the name and the size, and must be the one in
   the file, byte for byte. So a link, a device, a directory, a second form of a number or a
   hidden name cannot be read at all; the reason is looked for afterwards.

The bytes are in memory, and nothing in them makes a reader take more (`TAPE_LIMIT`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from remediations.files.trusted import MEGABYTE

TAPE_LIMIT = 128 * MEGABYTE
"""Bytes of a whole file; the observation of a thousand hosts takes 30 MB."""
MOST_FILES = 1_000
BLOCK = 512
_END = bytes(2 * BLOCK)
_NAME = slice(0, 100)
_SIZE = slice(124, 136)
_KIND = 156
_MAGIC = slice(257, 265)
_USTAR = b"ustar\x0000"
_FILE = b"0"
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a directory",
    b"6": "a FIFO",
    b"L": "a long name of GNU tar",
    b"K": "a long link of GNU tar",
    b"S": "a sparse file",
    b"x": "a pax header",
    b"g": "a pax header",
}
_OCTAL = re.compile(rb"[0-7]{11}\0")
_OTHERS = {
    b"\x1f\x8b": "a file compressed by gzip",
    b"\xfd7": "a file compressed by xz",
    b"(\xb5": "a file compressed by zstd",
    b"BZ": "a file compressed by bzip2",
    b"PK": "a zip file",
}


class TapedFile(NamedTuple):
    """One file: its name, and its bytes."""

    name: str
    data: memoryview


class TapeError(ValueError):
    """It is not in the form in which files travel. `guard` is the rule."""

    def __init__(self, guard: str, reason: str) -> None:
        super().__init__(reason)
        self.guard = guard


FORM, MEMBER, SIZE = "archive form", "archive member", "archive size"


def write_tape(files: Sequence[tuple[str, bytes]]) -> bytes:
    """The bytes that hold these files, in this order.

    Raises:
        TapeError: they are too many, or too large.
    """
    if len(files) > MOST_FILES:
        raise TapeError(SIZE, f"{len(files)} files; at most {MOST_FILES} travel")
    parts = []
    for name, data in files:
        parts += [tape_header(name, len(data)), data, bytes(-len(data) % BLOCK)]
    made = b"".join((*parts, _END))
    if len(made) > TAPE_LIMIT:
        raise TapeError(SIZE, f"{len(made)} bytes; at most {TAPE_LIMIT} travel")
    return made


def read_tape(data: bytes) -> Iterator[TapedFile]:
    """The files in these bytes, in their order.

    Raises:
        TapeError: the bytes are not those that `write_tape` makes of these files.
    """
    view = memoryview(data)
    at = number = 0
    while True:
        header = bytes(view[at : at + BLOCK])
        if len(header) < BLOCK:
            raise TapeError(FORM, _short(data, at))
        if not any(header):
            break
        number += 1
        if number > MOST_FILES:
            raise TapeError(SIZE, f"more than {MOST_FILES} files")
        name, size = _checked(header, number, data)
        end = at + BLOCK + size
        after = end + -size % BLOCK
        if after > len(view):
            raise TapeError(FORM, f"it ends within {name}, which says that it has {size} bytes")
        if any(view[end:after]):
            raise TapeError(MEMBER, f"bytes are hidden behind the end of {name}")
        yield TapedFile(name, view[at + BLOCK : end])
        at = after
    if bytes(view[at:]) != _END:
        missing = len(view) - at < len(_END)
        raise TapeError(FORM, "its end is missing" if missing else "something is behind its end")


def tape_header(name: str, size: int) -> bytes:
    """The header of a regular file that belongs to nobody, and was changed never."""
    fields = (
        (name.encode("ascii"), 100),
        (b"0000600\0", 8),
        (b"0000000\0", 8),
        (b"0000000\0", 8),
        (f"{size:011o}\0".encode(), 12),
        (b"00000000000\0", 12),
        (b"        ", 8),
        (_FILE, 1),
        (b"", 100),
        (_USTAR, 8),
        (b"", 64),
        (b"0000000\0", 8),
        (b"0000000\0", 8),
        (b"", 167),
    )
    made = b"".join(text.ljust(width, b"\0") for text, width in fields)
    return made[:148] + f"{sum(made):06o}\0 ".encode() + made[156:]


def _checked(header: bytes, number: int, data: bytes) -> tuple[str, int]:
    """Name and size of the file with this header.

    Raises:
        TapeError: it is not a header of ours.
    """
    if header[_MAGIC] != _USTAR:
        what = "its first entry" if number == 1 else f"entry {number}"
        other = next((told for magic, told in _OTHERS.items() if data.startswith(magic)), "")
        raise TapeError(FORM, other or f"{what} is not one of a POSIX tar (ustar)")
    kind = header[_KIND : _KIND + 1]
    shown = ascii(header[_NAME].rstrip(b"\0").decode("latin-1"))
    if kind != _FILE:
        raise TapeError(MEMBER, f"{shown} is {_KINDS.get(kind, 'of an unknown type')}")
    if not _OCTAL.fullmatch(header[_SIZE]):
        raise TapeError(MEMBER, f"{shown} has a size that is not in its usual form")
    size = int(header[_SIZE][:11], 8)
    if size > TAPE_LIMIT:
        raise TapeError(SIZE, f"{shown} says that it has {size} bytes; at most {TAPE_LIMIT} do")
    try:
        name = header[_NAME].rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise TapeError(MEMBER, f"{shown} is not a name of a run's file") from error
    if len(name) >= _NAME.stop or tape_header(name, size) != header:
        raise TapeError(MEMBER, f"{shown} has an owner, a mode, a time or a prefix of its own")
    return name, size


def _short(data: bytes, at: int) -> str:
    other = next((told for magic, told in _OTHERS.items() if data.startswith(magic)), "")
    return other or (f"it ends after {at} bytes, without its end" if at else "it is too short")
