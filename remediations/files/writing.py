"""Writes files so that a crash leaves the old or the new content, never half of it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from remediations.errors import MachineError
from remediations.files.trusted import check_directory, trusted_owners

PRIVATE = 0o700
PRIVATE_FILE = 0o600
OTHERS = 0o077
OTHERS_WRITE = 0o022
_APPEND = (os.O_WRONLY | os.O_APPEND | os.O_CREAT) | (
    os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
)


def replace_file(path: Path, data: bytes) -> None:
    """Write, sync, rename, sync: an existing file is replaced.

    Raises:
        MachineError: the state directory cannot be written.
    """
    try:
        fresh = _fresh(path, data)
        fresh.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        raise state_directory_error(path, error) from error


def create_file(path: Path, data: bytes) -> bool:
    """Write a file that must not exist yet; whether this call created it. Of several concurrent
    calls exactly one does.

    Raises:
        MachineError: the state directory cannot be written.
    """
    try:
        fresh = _fresh(path, data)
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            return False
        finally:
            fresh.unlink()
        sync_directory(path.parent)
    except OSError as error:
        raise state_directory_error(path, error) from error
    return True


def write_named_file(path: Path, data: bytes) -> None:
    """Write a file whose path was given by a person, in a directory that others may share (`/tmp`):
    whole or not at all, readable by the caller only. An existing regular file is replaced; a link
    is not followed.

    Raises:
        OSError: it cannot be written, or the path is something else, such as a device.
    """
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    # Imported here: `status` loads this module and writes nothing.
    import tempfile

    descriptor, name = tempfile.mkstemp(prefix=".remediate.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def open_private_log(path: Path) -> int:
    """A descriptor that appends to a file whose path was given by a person. Its mode becomes 0600.
    A link is not followed.

    Raises:
        UsageError: others may write to it, or to a directory above it.
        OSError: it cannot be written, or the path is something else, such as a device.
    """
    check_directory(path.parent)
    descriptor = os.open(path, _APPEND, PRIVATE_FILE)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        if found.st_uid not in trusted_owners() or stat.S_IMODE(found.st_mode) & OTHERS_WRITE:
            raise OSError(errno.EPERM, "others may write it", str(path))
        os.fchmod(descriptor, PRIVATE_FILE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def private_temporary_directory(content: str) -> Iterator[Path]:
    """A directory for `content` that nobody else can change, removed when the block ends.

    Raises:
        MachineError: it cannot be made, or others could replace it.
    """
    # Imported here: `status` loads this module and writes nothing.
    import tempfile

    try:
        made = tempfile.TemporaryDirectory(prefix="remediate-", ignore_cleanup_errors=True)
    except OSError as error:
        raise MachineError(
            f"there is no place for {content}",
            guard="temporary directory",
            got=str(error),
            expected="a directory for temporary files with free space",
            next_step="free space, or set TMPDIR to another directory",
        ) from error
    with made as name:
        # In $TMPDIR, others might be able to replace the directory by their own.
        check_directory(Path(name), refusal=MachineError)
        yield Path(name)


def make_private_directory(directory: Path) -> None:
    """Create `directory` and missing directories above it with mode 0700, whatever the umask.

    Raises:
        MachineError: it cannot be created, or others may write to it or to a directory above it.
    """
    missing = []
    level = Path.cwd() / directory
    try:
        while not level.is_dir():
            missing.append(level)
            level = level.parent
        for level in reversed(missing):
            level.mkdir(mode=PRIVATE, exist_ok=True)
            level.chmod(PRIVATE)
        check_directory(directory, refusal=MachineError)
    except OSError as error:
        raise state_directory_error(directory, error) from error


def ensure_private_directory(directory: Path) -> None:
    """Create a directory with mode 0700, or restrict an existing one to it: an older version may
    have left it readable.

    Raises:
        MachineError: others may write to it, so its files prove nothing; or it is not ours.
    """
    make_private_directory(directory)
    try:
        if stat.S_IMODE(directory.stat().st_mode) & OTHERS:
            directory.chmod(PRIVATE)
    except OSError as error:
        raise state_directory_error(directory, error) from error


def _fresh(path: Path, data: bytes) -> Path:
    """A temporary file of this process with the data, synced to disk."""
    make_private_directory(path.parent)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as file:
            os.fchmod(file.fileno(), PRIVATE_FILE)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    return fresh


def sync_directory(path: Path) -> None:
    """Make new names in a directory survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def state_directory_error(path: Path, error: OSError) -> MachineError:
    """The refusal of a state directory that is read-only, full, or owned by another user."""
    return MachineError(
        "the state directory cannot be used",
        guard="state directory",
        got=f"{path}: {error.strerror or error}",
        expected="a directory of yours with free space",
        next_step="set REMEDIATE_HOME to one",
    )


def named_file_error(
    content: str, path: Path, error: OSError, *, guard: str, option: str
) -> MachineError:
    """The refusal of a path that was given by a person with `option`, to write `content` to."""
    return MachineError(
        f"{content} cannot be written to {path}",
        guard=guard,
        got=error.strerror or str(error),
        expected="a path that can be written, of a regular file or where nothing is yet",
        next_step=f"choose another path for {option}",
    )
