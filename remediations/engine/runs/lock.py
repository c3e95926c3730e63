"""Locks the resources that a run changes, on this machine.

What several machines must agree on is on the hosts: the claim of each step (launcher.sh).
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from remediations.errors import Locked, MachineError
from remediations.files.trusted import check_directory, trusted_owners
from remediations.files.writing import PRIVATE_FILE, ensure_private_directory, state_directory_error

PATIENCE_S = 0.5
"""Seconds to wait for a lock: `lock_holder` takes it for a moment."""
_RETRY_S = 0.02
_LONGEST_NAME = 4096
_OPEN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@contextmanager
def resource_locks(state: Path, resources: Sequence[str], run: str) -> Iterator[None]:
    """Hold the locks of a plan's resources (`Plan.resources`) while the block runs.

    They are taken in sorted order, so that one of two runs gets all of them.

    Raises:
        Locked: another process applies a plan to one of them.
        MachineError: the state directory cannot be written, or is not trusted.
    """
    with ExitStack() as held:
        for resource in sorted(set(resources)):
            held.enter_context(_locked_for(state, resource, run))
        yield


@contextmanager
def _locked_for(state: Path, resource: str, run: str) -> Iterator[None]:
    path = lock_path(state, resource)
    for directory in (state, path.parent):
        ensure_private_directory(directory)
    with _opened(path, os.O_RDWR | os.O_CREAT) as descriptor:
        if not try_lock(descriptor, PATIENCE_S):
            raise _locked(descriptor, resource)
        try:
            os.fchmod(descriptor, PRIVATE_FILE)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, os.fsencode(run), 0)
        except OSError as error:
            raise state_directory_error(path, error) from error
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)


def is_being_applied(state: Path, resources: Sequence[str], run: str) -> bool:
    """Whether a running process is applying `run`, which locks these resources.

    Raises:
        MachineError: a lock is not trusted, because others could have written it.
    """
    return any(lock_holder(state, resource) == run for resource in resources)


def lock_holder(state: Path, resource: str) -> str:
    """The run that a running process is applying to this resource, or "".

    Raises:
        MachineError: the lock is not trusted, because others could have written it.
    """
    path = lock_path(state, resource)
    if not os.path.lexists(path):
        return ""
    check_directory(path.parent, refusal=MachineError)
    with _opened(path, os.O_RDONLY) as descriptor:
        return "" if try_lock(descriptor, 0, fcntl.LOCK_SH) else _name_in(descriptor)


def lock_path(state: Path, resource: str) -> Path:
    """The lock file of a resource; different names have different files."""
    return state / "locks" / f"{quote(resource, safe='')}.lock"


def try_lock(descriptor: int, patience_s: float, how: int = fcntl.LOCK_EX) -> bool:
    """Try to lock an open file for up to `patience_s` seconds; whether that succeeded."""
    end = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_RETRY_S)
        else:
            return True


@contextmanager
def _opened(path: Path, how: int) -> Iterator[int]:
    """Open a lock file. A link, a FIFO or a device could block, or lead elsewhere."""
    try:
        descriptor = os.open(path, how | _OPEN, PRIVATE_FILE)
    except OSError as error:
        raise state_directory_error(path, error) from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in trusted_owners():
            raise state_directory_error(path, OSError(errno.EINVAL, "not a regular file of yours"))
        yield descriptor
    finally:
        os.close(descriptor)


def _name_in(descriptor: int) -> str:
    return os.pread(descriptor, _LONGEST_NAME, 0).decode(errors="replace").strip()


def _locked(descriptor: int, resource: str) -> Locked:
    run = _name_in(descriptor)
    return Locked(
        f"another run is being applied to {resource}",
        guard="one run at a time",
        got=run or "a run that has just begun",
        expected="nobody",
        next_step=f"remediate status {run}".strip(),
    )
