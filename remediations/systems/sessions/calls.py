"""The directory of calls on the machine that makes them: one directory for each step.

    calls/NAME/claim.json     the step's name and bytes, before anything is called; there once
    calls/NAME/lock           held by the process that calls, and by the program that it runs
    calls/NAME/result.json    what was seen of the call
    calls/NAME/call.log       what the process wrote, if it failed

A call whose lock nobody holds and that has no result was ended from outside. It is never made
again under this name: its probe tells what became of it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from remediations.engine.apply.driver import StepId
from remediations.errors import RemediationError
from remediations.files.trusted import MEGABYTE, check_directory, read_trusted
from remediations.files.writing import OTHERS, PRIVATE, PRIVATE_FILE, create_file, replace_file
from remediations.values.record import Record
from remediations.values.wire import WireError, canonical, decode

_DIGITS = 16
_TRIES, _PAUSE_S = 50, 0.1
R = TypeVar("R", bound=Record)


class CallClaim(Record, frozen=True, kw_only=True):
    """What is kept of a step before anything is called, at a time in seconds since 1970. `payload`
    is None for one that never is."""

    plan: str
    step: str
    payload: str | None
    at: int


class CallResult(Record, frozen=True, kw_only=True):
    """What was seen of a call, at a time in seconds since 1970. `made` is whether it may have had
    an effect; what effect it had only its probe tells."""

    made: bool
    says: str
    at: int


class CallDirectory:
    """One call."""

    def __init__(self, directory: Path) -> None:
        self.path = directory

    def make(self) -> None:
        """Make it, if it is not there.

        Raises:
            OSError: it cannot be made.
        """
        for directory in (self.path.parent, self.path):
            directory.mkdir(mode=PRIVATE, exist_ok=True)

    def claim(self, claim: CallClaim) -> bool:
        """Keep it, flushed to disk; False where the step has one already.

        Raises:
            RemediationError: it cannot be kept.
        """
        return create_file(self.path / "claim.json", canonical(claim))

    @property
    def claimed(self) -> CallClaim | None:
        """What is kept of the step; None if nothing.

        Raises:
            RemediationError: others could have written it, or it is damaged.
        """
        return self._read("claim.json", CallClaim)

    @property
    def result(self) -> CallResult | None:
        """What was seen of the call, None if nothing was.

        Raises:
            RemediationError: it cannot be read.
        """
        return self._read("result.json", CallResult)

    def end(self, result: CallResult) -> None:
        """Keep what was seen of it, flushed to disk.

        Raises:
            RemediationError: it cannot be kept.
        """
        replace_file(self.path / "result.json", canonical(result))

    @contextmanager
    def held(self) -> Iterator[int]:
        """The lock, as a descriptor that a child process can inherit and keep.

        Raises:
            OSError: it cannot be opened, or another process holds it for long.
        """
        descriptor = self._lock_file()
        try:
            for _ in range(_TRIES):
                with suppress(BlockingIOError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                time.sleep(_PAUSE_S)
            else:
                raise BlockingIOError(errno.EWOULDBLOCK, "the call goes on", str(self.path))
            yield descriptor
        finally:
            os.close(descriptor)

    @property
    def is_running(self) -> bool:
        """Whether a process holds the lock."""
        if not (self.path / "lock").exists():
            return False
        descriptor = self._lock_file()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _lock_file(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.path / "lock", flags, PRIVATE_FILE)

    def _read(self, name: str, kind: type[R]) -> R | None:
        path = self.path / name
        try:
            return decode(read_trusted(path, limit=MEGABYTE).data, kind)
        except FileNotFoundError:
            return None
        except (OSError, WireError) as error:
            raise RemediationError(
                f"{path} cannot be used",
                guard="directory of calls",
                got=f"{type(error).__name__}: {error}"[:200],
                expected="what was written there before and after the call",
                next_step="ask the service itself whether it was called, then plan again",
            ) from error


class CallsDirectory:
    """All calls of a machine, below the directory that the inventory names."""

    def __init__(self, directory: str) -> None:
        self._path = Path(directory)

    def call(self, step: StepId) -> CallDirectory:
        """That of a step."""
        return self.named(step.plan, step.step)

    def named(self, plan: str, step: str) -> CallDirectory:
        """That of the step of the plan with this digest."""
        return CallDirectory(self._path / "calls" / f"{plan[:_DIGITS]}-{step}")

    @property
    def flaw(self) -> str:
        """Why the directory is not used, "" if it is."""
        try:
            status = self._path.stat(follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                return f"{self._path} is not a directory"
            if status.st_uid != os.geteuid() or status.st_mode & OTHERS:
                return f"{self._path} is not yours alone: chmod 700"
            check_directory(self._path)
        except OSError as error:
            return f"{self._path}: {os.strerror(error.errno or 0)}"
        except RemediationError as error:
            return f"{error.what}: {error.got}"
        return ""
