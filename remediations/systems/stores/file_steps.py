"""Single steps with files below one directory, none of which leaves it.

A folder is opened from the root on, one name after the other, and no link is followed: whoever may
write in a tree could otherwise lead a write to any place of the machine. All else is done in the
folder that is open, by name.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from remediations.systems.stores.store import (
    Absent,
    AllDenied,
    Denied,
    NoSpace,
    NotReachable,
    StoreError,
)

_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PERCENT = re.compile(rb"%([0-9A-F]{2})")


def key_of(path: bytes) -> str:
    """A path as text: `%XX` for bytes that are not UTF-8, and for `%` itself."""
    text = path.decode("utf-8", "surrogateescape")
    return "".join(
        f"%{ord(one) & 0xFF:02X}" if one == "%" or "\udc80" <= one <= "\udcff" else one
        for one in text
    )


def path_of(key: str) -> tuple[bytes, ...]:
    """The names that a key consists of.

    Raises:
        Absent: it is no key: it climbs, or has a name that no file has.
    """
    path = _PERCENT.sub(lambda one: bytes([int(one[1], 16)]), key.encode("utf-8", "replace"))
    names = tuple(path.split(b"/"))
    if any(name in (b"", b".", b"..") or b"\0" in name for name in names):
        raise Absent("a key of a file tree is a path below its root")
    return names


@contextmanager
def open_folder(root: bytes, names: tuple[bytes, ...]) -> Iterator[int]:
    """The folder of these names below the root. The root itself may be a link: it was declared."""
    with told():
        folder = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
        try:
            for name in names:
                below = os.open(name, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)


def id_of(status: os.stat_result) -> str:
    """What tells one file of a name from another one, and from itself after a write."""
    return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"


def status_of(folder: int, name: bytes) -> os.stat_result:
    """Of the file itself, also where it is a link."""
    return os.stat(name, dir_fd=folder, follow_symlinks=False)


def read_whole(folder: int, name: bytes, most: int) -> tuple[bytes, os.stat_result]:
    """At most so many bytes, with the status before and, where it is another one, `ESTALE`."""
    # Not blocking: what is a file now may be a pipe when it is opened.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Absent("it is not a regular file")
        data = file.read(most)
        after = os.fstat(file.fileno())
    if id_of(after) != id_of(status):
        raise OSError(errno.ESTALE, "written while it was read")
    return data, status


def write_whole(folder: int, name: bytes, data: bytes, like: os.stat_result | None) -> str:
    """A new file, on disk before it has its place. It has no permissions until it is whole, so that
    what a death leaves of it is told from a whole one. Its id. Nothing of it stays where it cannot
    be written to its end."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            if like is not None and (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), like.st_uid, like.st_gid)
            os.fchmod(file.fileno(), 0o600 if like is None else stat.S_IMODE(like.st_mode))
            os.fsync(file.fileno())
            return id_of(os.fstat(file.fileno()))
    except OSError:
        with suppress(OSError):
            unlink(folder, name)
        raise


def exchange(folder: int, one: bytes, other: bytes) -> None:
    """Each takes the name of the other, at once."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(folder, one, folder, other, _EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def rename(folder: int, one: bytes, other: bytes) -> None:
    """Give a file another name in its folder."""
    os.rename(one, other, src_dir_fd=folder, dst_dir_fd=folder)


def unlink(folder: int, name: bytes) -> None:
    """Remove a name."""
    os.unlink(name, dir_fd=folder)


def sync(folder: int) -> None:
    """Its names are on disk."""
    os.fsync(folder)


@contextmanager
def told() -> Iterator[None]:
    """The system's errors in the words of stores."""
    try:
        yield
    except OSError as error:
        said = os.strerror(error.errno or 0)
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO):
            raise Absent(said) from None
        if error.errno == errno.EROFS:
            raise AllDenied(said) from None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise Denied(said) from None
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(said) from None
        if error.errno == errno.EIO:  # of this file: others may be read
            raise StoreError(said) from None
        raise NotReachable(said) from None
