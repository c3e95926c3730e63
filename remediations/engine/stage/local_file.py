"""The file on this machine that is to be brought to others: opened once, and never held whole."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from remediations.errors import UsageError

MAX_BYTES = 1 << 30
CHUNK = 1 << 20
"""Bytes that are read, and sent, at a time."""
ELF = b"\x7fELF"
"""How every program for Linux begins (elf(5))."""


@dataclass(frozen=True, kw_only=True)
class LocalFile:
    """An open file: whatever happens to its name, these are the bytes. `sha256` is that of its
    content when it was opened; a target compares what arrives with it."""

    path: Path
    sha256: str
    size: int
    descriptor: int

    async def chunk(self, offset: int) -> bytes:
        """The bytes from `offset` on, at most `CHUNK`; empty at the end."""
        return os.pread(self.descriptor, min(CHUNK, max(self.size - offset, 0)), offset)


@contextmanager
def open_file(path: Path) -> Iterator[LocalFile]:
    """Open a program for Linux.

    Raises:
        UsageError: it is missing, cannot be read, is not a regular file, is empty or larger than
            `MAX_BYTES`, or is not an ELF file.
    """
    try:
        # Without O_NONBLOCK a named pipe would make us wait for whoever writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        got = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise _unusable(path, got) from error
    try:
        try:
            found = _checked(path, descriptor)
        except OSError as error:
            raise _unusable(path, error.strerror or str(error)) from error
        yield found
    finally:
        os.close(descriptor)


def _checked(path: Path, descriptor: int) -> LocalFile:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise _unusable(path, "not a regular file")
    if not 0 < status.st_size <= MAX_BYTES:
        raise _unusable(path, f"{status.st_size} bytes")
    if os.pread(descriptor, len(ELF), 0) != ELF:
        raise _unusable(path, "a file that does not begin as an ELF file does")
    digest, size = hashlib.sha256(), 0
    while part := os.pread(descriptor, CHUNK, size):
        digest.update(part)
        size += len(part)
    if size != status.st_size:
        raise _unusable(path, "a file that changes while it is read")
    return LocalFile(path=path, sha256=digest.hexdigest(), size=size, descriptor=descriptor)


def _unusable(path: Path, got: str) -> UsageError:
    return UsageError(
        f"{path} cannot be brought to the targets",
        guard="file",
        got=got,
        expected=f"a program for Linux (ELF), a regular file of 1 to {MAX_BYTES} bytes",
        next_step="build or download the program, check its hash, and name that file",
    )
