"""A directory on this machine that is brought to others as one file.

That file is the contents of all its files in the order of their paths (by bytes), so a plan names a
whole directory by one SHA-256. Where one file ends and the next begins is for the plan to say.

Each file is opened once, and hashed and sent through the same descriptor: whatever happens to the
names meanwhile, a target compares what arrives with the hash.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from remediations.engine.stage.local_file import CHUNK
from remediations.errors import UsageError

MOST_FILES = 200
MAX_BYTES = 1 << 30


@dataclass(frozen=True, kw_only=True)
class TreeFile:
    """A file of the directory, by its path there. `offset` is where it begins in the one file."""

    path: str
    size: int
    offset: int
    descriptor: int


@dataclass(frozen=True, kw_only=True)
class LocalTree:
    """The open files of a directory. `sha256` and `size` are of all of them together."""

    path: Path
    sha256: str
    size: int
    files: tuple[TreeFile, ...]

    async def chunk(self, offset: int) -> bytes:
        """The bytes from `offset` on, at most `CHUNK`; none at the end."""
        for file in self.files:
            if offset < file.offset + file.size:
                start = offset - file.offset
                return os.pread(file.descriptor, min(CHUNK, file.size - start), start)
        return b""


@contextmanager
def open_tree(path: Path, without: frozenset[str] = frozenset()) -> Iterator[LocalTree]:
    """Open all files of a directory, but for those that are called like one of `without`.

    Raises:
        UsageError: it is missing or cannot be read, has something else than files and directories,
            no file, or too many or too large ones, or changes while it is read.
    """
    with ExitStack() as held:
        try:
            tree = _opened(path, without, held)
        except (OSError, ValueError) as error:
            raise _unusable(path, _said(error)) from error
        yield tree


def _opened(path: Path, without: frozenset[str], held: ExitStack) -> LocalTree:
    found: list[tuple[bytes, int]] = []
    for relative, name, directory in _names(path, without):
        if len(found) == MOST_FILES:
            raise _unusable(path, f"more than {MOST_FILES} files")
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
        descriptor = os.open(name, flags, dir_fd=directory)
        held.callback(os.close, descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _unusable(path, f"{relative}, which is not a regular file")
        found.append((os.fsencode(relative), descriptor))
    digest, files, total = hashlib.sha256(), list[TreeFile](), 0
    for relative_bytes, descriptor in sorted(found):
        relative, size = os.fsdecode(relative_bytes), 0
        expected = os.fstat(descriptor).st_size
        if total + expected > MAX_BYTES:
            raise _unusable(path, f"more than {MAX_BYTES} bytes")
        while part := os.pread(descriptor, CHUNK, size):
            digest.update(part)
            size += len(part)
        if size != expected:
            raise _unusable(path, f"{relative}, which changes while it is read")
        files.append(TreeFile(path=relative, size=size, offset=total, descriptor=descriptor))
        total += size
    if not total:
        raise _unusable(path, "a directory without a file that is not empty")
    return LocalTree(path=path, sha256=digest.hexdigest(), size=total, files=tuple(files))


def _names(path: Path, without: frozenset[str]) -> Iterator[tuple[str, str, int]]:
    """The path of each file in the directory, its name, and a descriptor of where it is."""

    def refuse(error: OSError) -> None:
        raise error

    top = Path(os.path.realpath(path, strict=True))
    if not top.is_dir():
        raise _unusable(path, "it is not a directory")
    for here, directories, names, descriptor in os.fwalk(top, onerror=refuse):
        for name in directories:
            mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            if not stat.S_ISDIR(mode):
                raise _unusable(path, f"{Path(here) / name}, which is a link")
        for name in names:
            if name not in without:
                relative = str((Path(here) / name).relative_to(top))
                yield relative, name, descriptor


def _said(error: OSError | ValueError) -> str:
    """What the system said, and of which name."""
    if not isinstance(error, OSError):
        return str(error)
    name = f"{error.filename}: " if isinstance(error.filename, str) else ""
    return f"{name}{error.strerror or error}"


def _unusable(path: Path, got: str) -> UsageError:
    return UsageError(
        f"the directory {path} cannot be brought to the targets",
        guard="directory",
        got=got,
        expected=f"1 to {MOST_FILES} regular files in directories, without links, of at most "
        f"{MAX_BYTES} bytes together",
        next_step="name a directory that nobody writes to meanwhile",
    )
