"""Reads a file on which trust depends: once, and only where nobody else can have changed it.

Plans, inventories, approvals, lists of signers, journals and observations decide what runs as root.
They are opened by `read_trusted` only:

1. Every directory on the path, from `/` on, is opened by descriptor and belongs to root or to the
   caller. Others may write to it only if it is sticky (`/tmp`): then they cannot replace our files.
2. Nobody else may write to the directory that holds the file, sticky or not: they could link an
   older file of ours to the name that we open.
3. A symbolic link on the path is followed if it belongs to root or to the caller as well. The file
   itself must not be a link, unless the caller of `read_trusted` allows it (`follow`).
4. The file is opened without blocking (a FIFO would block for ever) and checked through its
   descriptor: regular, owned by root or the caller, not writable by others, not above the limit.
5. Its bytes are read once and passed on. Nothing reads the file again.

The caller is the effective user and, for root, also the user who called `sudo`, who named the file.
docs/threat-model.md says against whom this protects.
"""

from __future__ import annotations

import errno
import grp
import hashlib
import os
import pwd
import re
import shlex
import stat
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from remediations.errors import RemediationError, UsageError

MEGABYTE = 1_000_000
_CHUNK = MEGABYTE
"""Bytes that are read at once: Python makes room for all that it asks for."""
LINKS = 40
"""How many symbolic links one path may follow: Linux's own limit."""
_DIRECTORY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
GUARD = "trusted file"


@dataclass(frozen=True)
class TrustedFile:
    """The bytes of a file, as they were when it was opened and checked."""

    path: Path
    data: bytes

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the bytes, lower-case hex."""
        return hashlib.sha256(self.data).hexdigest()


def read_trusted(
    path: Path,
    *,
    limit: int,
    refusal: type[RemediationError] = UsageError,
    by: frozenset[int] | None = None,
    follow: bool = False,
) -> TrustedFile:
    """The file at `path`, of at most `limit` bytes.

    `by` are the ids of the users who may own it and every directory above it; None means
    `trusted_owners()`. With `follow` it may be a symbolic link to a file for which the same holds.

    Raises:
        RemediationError: of the class `refusal`: it is a link, is not a regular file or is too
            large, or another user could have written it or a directory above it.
        OSError: it does not exist, or may not be read.
    """
    judge = _Judge(refusal, trusted_owners() if by is None else by)
    with ExitStack() as held:
        directory, shown = _holder(Path.cwd() / path, judge, held, follow=follow)
        try:
            descriptor = os.open(shown.name or ".", _FILE, dir_fd=directory)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK):
                raise _link(shown, refusal) from error
            if error.errno == errno.ENXIO:
                raise _odd(shown, "a socket", refusal) from error
            raise OSError(error.errno, error.strerror, str(path)) from error
        held.callback(os.close, descriptor)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _odd(shown, _kind(found.st_mode), refusal)
        judge.file(shown, found)
        if found.st_size > limit:
            raise _too_large(shown, found.st_size, limit, refusal)
        data = _up_to(descriptor, limit + 1)
    if len(data) > limit:  # it has grown, or is a file without a size (/proc)
        raise _too_large(shown, len(data), limit, refusal)
    return TrustedFile(path, data)


def check_directory(path: Path, *, refusal: type[RemediationError] = UsageError) -> None:
    """Refuse a directory that another user could change, directly or through one above it.

    Raises:
        RemediationError: of the class `refusal`.
        OSError: it does not exist, or may not be entered.
    """
    judge = _Judge(refusal, trusted_owners())
    with ExitStack() as held:
        directory, real = _directory(Path.cwd() / path, judge, held)
        found = os.fstat(directory)
        if found.st_mode & _OTHERS_WRITE:
            # Even if it is sticky or the group is private: others could create our files first.
            raise judge.writable(real, found)


def trusted_owners() -> frozenset[int]:
    """The users whose files are trusted: root, the effective user, and the caller of `sudo`."""
    called_by = sudo_uid()
    return frozenset({0, os.geteuid(), *(() if called_by is None else (called_by,))})


@dataclass(frozen=True)
class _Judge:
    """Whose files are trusted, and the class of a refusal."""

    refusal: type[RemediationError]
    owners: frozenset[int]

    def above(self, path: Path, found: os.stat_result) -> None:
        """Check a directory on the path."""
        self.owned(path, found)
        if not found.st_mode & stat.S_ISVTX:
            self.unshared(path, found)

    def file(self, path: Path, found: os.stat_result) -> None:
        """Check the file itself."""
        self.owned(path, found)
        self.unshared(path, found)

    def owned(self, path: Path, found: os.stat_result) -> None:
        """Check the owner, which is all that matters for a link."""
        if found.st_uid not in self.owners:
            raise self.refusal(
                f"{path} belongs to another user",
                guard=GUARD,
                got=f"owned by {_name(found.st_uid)}",
                expected=f"owned by {' or '.join(_name(uid) for uid in sorted(self.owners))}",
                next_step="look at what it holds; then use a copy in a directory of your own",
            )

    def unshared(self, path: Path, found: os.stat_result) -> None:
        """Check that others cannot write to a file, or to the directory that holds it."""
        if found.st_mode & _OTHERS_WRITE and not _private_group(found):
            raise self.writable(path, found)

    def writable(self, path: Path, found: os.stat_result) -> RemediationError:
        """The refusal of something that others may write to."""
        shared = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX  # as /tmp has to be
        mend = f"look at what it holds; then `chmod go-w {shlex.quote(str(path))}`"
        return self.refusal(
            f"others may write {path}",
            guard=GUARD,
            got=f"mode {stat.S_IMODE(found.st_mode):04o}",
            expected="writable by its owner only",
            next_step="use a directory of your own" if shared else mend,
        )


def _holder(path: Path, judge: _Judge, held: ExitStack, *, follow: bool) -> tuple[int, Path]:
    """A descriptor of the directory that holds the file `path`, and the real path of the file."""
    for _ in range(LINKS):
        directory, real = _directory(path.parent, judge, held)
        found = (
            os.stat(path.name or ".", dir_fd=directory, follow_symlinks=False) if follow else None
        )
        if found is None or not stat.S_ISLNK(found.st_mode):
            judge.unshared(real, os.fstat(directory))
            return directory, real / path.name
        judge.owned(real / path.name, found)
        path = real / os.readlink(path.name, dir_fd=directory)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def _directory(path: Path, judge: _Judge, held: ExitStack) -> tuple[int, Path]:
    """A descriptor of the directory `path`, checked at every step, and its real path."""
    pending = deque(path.parts[1:])
    shown = Path(path.anchor)
    directory = _descend(None, path.anchor, shown, judge, held)
    links = 0
    while pending:
        part = pending.popleft()
        link = os.stat(part, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISLNK(link.st_mode):
            judge.owned(shown / part, link)
            links += 1
            if links > LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            target = os.readlink(part, dir_fd=directory)
            pending.extendleft(reversed([p for p in target.split("/") if p not in ("", ".")]))
            if target.startswith("/"):
                shown = Path("/")
                directory = _descend(None, "/", shown, judge, held)
            continue
        shown = shown.parent if part == ".." else shown / part
        directory = _descend(directory, part, shown, judge, held)
    return directory, shown


def _descend(directory: int | None, part: str, shown: Path, judge: _Judge, held: ExitStack) -> int:
    """Open the next directory and check it."""
    inner = os.open(part, _DIRECTORY, dir_fd=directory)
    held.callback(os.close, inner)
    judge.above(shown, os.fstat(inner))
    return inner


def _up_to(descriptor: int, most: int) -> bytes:
    data = bytearray()
    while len(data) < most and (chunk := os.read(descriptor, min(_CHUNK, most - len(data)))):
        data += chunk
    return bytes(data)


def _private_group(found: os.stat_result) -> bool:
    """Whether the owner is the only member of the group that may write: with user-private groups,
    0775 is the usual mode. Root's group is not a private one."""
    if found.st_mode & stat.S_IWOTH or found.st_uid == 0:
        return False
    try:
        owner = pwd.getpwuid(found.st_uid)
        group = grp.getgrgid(found.st_gid)
    except KeyError:
        return False
    members = {user.pw_name for user in pwd.getpwall() if user.pw_gid == found.st_gid}
    return owner.pw_gid == found.st_gid and {*members, *group.gr_mem} == {owner.pw_name}


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "not a regular file")


def _odd(path: Path, kind: str, refusal: type[RemediationError]) -> RemediationError:
    return refusal(
        f"{path} is {kind}",
        guard=GUARD,
        got=kind,
        expected="a regular file",
        next_step=f"`ls -l {shlex.quote(str(path))}`; then name the right file",
    )


def _link(path: Path, refusal: type[RemediationError]) -> RemediationError:
    return refusal(
        f"{path} is a symbolic link",
        guard=GUARD,
        got="a symbolic link, which can be redirected to another file",
        expected="the regular file itself",
        next_step=f"name the file that `readlink -f {shlex.quote(str(path))}` shows",
    )


def _too_large(
    path: Path, size: int, limit: int, refusal: type[RemediationError]
) -> RemediationError:
    return refusal(
        f"{path} is too large",
        guard=GUARD,
        got=f"{size} bytes or more",
        expected=f"at most {limit} bytes",
        next_step=f"`head -c 300 {shlex.quote(str(path))}` shows what it is",
    )


def _name(uid: int) -> str:
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except (KeyError, OverflowError):
        return f"uid {uid}"


_UID = re.compile(r"[0-9]{1,10}")
_NO_UID = 2**32 - 1
"""The id for "no user"; greater numbers are not ids."""


def sudo_uid() -> int | None:
    """The user who called sudo; None without sudo, or if the variable is not an id."""
    said = os.environ.get("SUDO_UID", "") if os.geteuid() == 0 else ""
    if not _UID.fullmatch(said):
        return None
    uid = int(said)
    return uid if uid < _NO_UID else None
