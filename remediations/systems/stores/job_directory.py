"""The directory of long jobs on the machine that does them: one directory for each job.

    jobs/NAME/claim.json      the step's name and bytes, before anything starts; there once
    jobs/NAME/lock            held by the process of the job, for as long as it lives
    jobs/NAME/progress.json   how far it is; replaced each second
    jobs/NAME/objects.jsonl   one line for each object that was not as it should be before
    jobs/NAME/scope.json      what named the old key before, for tools/scope_verify.py
    jobs/NAME/result.json     how it ended
    jobs/NAME/job.log         what the process wrote
    jobs/NAME/reserve         room for the result, where the disk is full by then
    jobs/NAME/stop            whoever makes this file has the job end after the object at hand

A job whose lock nobody holds and that has no result was ended from outside. It is never started
again: what it did is whole, object by object, and another plan goes on with what is left.
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

import msgspec

from remediations.engine.apply.driver import StepId
from remediations.errors import RemediationError
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.files.writing import OTHERS, PRIVATE, PRIVATE_FILE, create_file, replace_file
from remediations.systems.stores.inventory import Place
from remediations.systems.stores.outcomes import Outcome
from remediations.systems.stores.reencrypt_section import ReencryptEntry
from remediations.values.record import Record
from remediations.values.wire import canonical, decode

_DIGITS = 16
_RESERVE_BYTES = 65536
_MOST = 4 * MEGABYTE
_TRIES, _PAUSE_S = 50, 0.1
R = TypeVar("R", bound=Record)


class JobClaim(Record, frozen=True, kw_only=True):
    """What is kept of a step before it starts. `payload` is None for one that never starts."""

    plan: str
    step: str
    payload: str | None
    place: Place | None
    entry: ReencryptEntry | None


class JobProgress(Record, frozen=True, kw_only=True):
    """How far a job is: objects that it has looked at, of how many; how many of those it sealed
    anew; and for how many seconds it has run."""

    looked_at: int
    total: int
    sealed: int
    seconds: int

    @property
    def counts(self) -> str:
        """It in one line."""
        return f"{self.looked_at:,} of {self.total:,} objects, {self.sealed:,} sealed anew"

    @property
    def says(self) -> str:
        """It in one line, with the rate and the time that is left."""
        rate = self.looked_at / self.seconds if self.seconds else 0.0
        left = f", {(self.total - self.looked_at) / rate:.0f} s left" if rate else ""
        told = f", {rate:,.0f} a second{left}" if rate else ""
        return f"{self.counts}{told}"


class OutcomeCount(Record, frozen=True, kw_only=True):
    """How many objects ended so."""

    outcome: Outcome
    count: int


class JobResult(Record, frozen=True, kw_only=True):
    """How a job ended. `left` is how many versions still name the key at the last look, `root` that
    over all that names the new one; `reason` says why it is no success, "" for one; `stopped` is
    whether it ended early because a person wanted it to."""

    reason: str
    says: str
    outcomes: tuple[OutcomeCount, ...]
    left: int
    sealed: int
    root: str
    seconds: int
    stopped: bool = False


class JobObject(Record, frozen=True, kw_only=True):
    """A line of `objects.jsonl`. `former` and `version` are what the store calls the version before
    and after ("" where there is none). `content` is the HMAC-SHA-256 of what was in it, by a key
    that follows from the new private key, so whoever cannot open the object cannot try contents
    against it. `is_protected` is about what is read from now on; `known_since` is from when on its
    content must be taken as known."""

    at: str
    key: str
    former: str
    version: str
    outcome: Outcome
    reason: str
    content: str
    is_protected: bool
    known_since: str


class JobDirectory:
    """One job."""

    def __init__(self, directory: Path) -> None:
        self.path = directory

    def make(self) -> None:
        """Make it, if it is not there, with room for how the job ends.

        Raises:
            OSError: it cannot be made, or there is no room.
        """
        for directory in (self.path.parent, self.path):
            directory.mkdir(mode=PRIVATE, exist_ok=True)
        if not (self.path / "reserve").exists():
            (self.path / "reserve").write_bytes(bytes(_RESERVE_BYTES))

    def claim(self, claim: JobClaim) -> bool:
        """Keep it, flushed to disk; False where the step has one already.

        Raises:
            RemediationError: it cannot be kept.
        """
        return create_file(self.path / "claim.json", canonical(claim))

    @property
    def claimed(self) -> JobClaim | None:
        """What is kept of the step; None if nothing.

        Raises:
            RemediationError: others could have written it, or it is damaged.
        """
        return self._read("claim.json", JobClaim)

    @property
    def progress(self) -> JobProgress | None:
        """How far it is, None before it has looked at anything.

        Raises:
            RemediationError: it cannot be read.
        """
        return self._read("progress.json", JobProgress)

    @property
    def result(self) -> JobResult | None:
        """How it ended, None if it has not, or was ended from outside.

        Raises:
            RemediationError: it cannot be read.
        """
        return self._read("result.json", JobResult)

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
                raise BlockingIOError(errno.EWOULDBLOCK, "the job runs", str(self.path))
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

    @property
    def is_to_stop(self) -> bool:
        """Whether somebody wants it to end."""
        return (self.path / "stop").exists()

    def ask_to_stop(self) -> None:
        """Have it end after the object at hand.

        Raises:
            OSError: it cannot be asked.
        """
        (self.path / "stop").touch(PRIVATE_FILE)

    def report_progress(self, progress: JobProgress) -> None:
        """Replace it. Whoever reads it meanwhile has the former one."""
        fresh = self.path / "progress.json.new"
        fresh.write_bytes(canonical(progress))
        fresh.chmod(PRIVATE_FILE)
        fresh.rename(self.path / "progress.json")

    def keep_scope(self, document: bytes) -> None:
        """Keep what named the old key before, for who checks it without us
        (`tools/scope_verify.py after`)."""
        replace_file(self.path / "scope.json", document)

    def end(self, result: JobResult) -> None:
        """Keep how it ended, flushed to disk."""
        (self.path / "reserve").unlink(missing_ok=True)
        replace_file(self.path / "result.json", canonical(result))

    def _read(self, name: str, kind: type[R]) -> R | None:
        path = self.path / name
        try:
            return decode(read_trusted(path, limit=_MOST).data, kind)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise RemediationError(
                f"{path} cannot be used",
                guard="job directory",
                got=f"{type(error).__name__}: {error}"[:200],
                expected="what a job has written there",
                next_step="see objects.jsonl beside it, then plan again",
            ) from error


class JobsDirectory:
    """All jobs of a machine, below the directory that the inventory names."""

    def __init__(self, directory: Path) -> None:
        self._path = directory

    def job(self, step: StepId) -> JobDirectory:
        """That of a step."""
        return self.named(step.plan, step.step)

    def named(self, plan: str, step: str) -> JobDirectory:
        """That of the step of the plan with this digest."""
        return JobDirectory(self._path / "jobs" / f"{plan[:_DIGITS]}-{step}")

    @property
    def flaw(self) -> str:
        """Why the directory is not used, "" if it is."""
        try:
            status = self._path.stat(follow_symlinks=False)
        except OSError as error:
            return f"{self._path}: {os.strerror(error.errno or 0)}"
        if not stat.S_ISDIR(status.st_mode):
            return f"{self._path} is not a directory"
        if status.st_uid != os.geteuid() or status.st_mode & OTHERS:
            return f"{self._path} is not yours alone: chmod 700"
        return ""

    @property
    def running(self) -> tuple[str, ...]:
        """The names of the jobs that run."""
        every = sorted((self._path / "jobs").glob("*/lock"))
        return tuple(one.parent.name for one in every if JobDirectory(one.parent).is_running)
