"""What a driver keeps on this machine of a step that a process of its own carries out.

    DIRECTORY/KIND/PLAN-STEP/claim.json    before anything starts; there once
    DIRECTORY/KIND/PLAN-STEP/lock          held by the process, for as long as it lives
    DIRECTORY/KIND/PLAN-STEP/result.json   how it ended

1. The claim is on disk before the process, and the lock is taken before the claim and inherited: a
   claim without a lock and without a result is of a process that was ended from outside.
2. The process has a session of its own. Whatever becomes of whoever started it, it goes on.
3. Nothing secret is handed to it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from remediations.engine.apply.driver import AlreadyClaimed, LaunchFailed, NotLaunched, StepId
from remediations.engine.plan.plan import Step
from remediations.errors import RemediationError
from remediations.files.trusted import MEGABYTE, check_directory, read_trusted
from remediations.files.writing import OTHERS, PRIVATE, PRIVATE_FILE, create_file, replace_file
from remediations.values.record import Record
from remediations.values.wire import canonical, decode

_DIGITS = 16
_MOST = 4 * MEGABYTE
_TRIES, _PAUSE_S = 50, 0.1
C = TypeVar("C", bound=Record)
R = TypeVar("R", bound=Record)
K = TypeVar("K", bound=Record)
D = TypeVar("D", bound="KeptStep[Any, Any]")


class KeptStep(Generic[C, R]):
    """The directory of one step; subclasses say what its claim and its result are, and whose it is
    in words."""

    claim_kind: type[C]
    result_kind: type[R]
    guard: str
    """What refuses a damaged file."""
    mend: str
    """What to do about one."""

    def __init__(self, directory: Path) -> None:
        self.path = directory

    def make(self) -> None:
        """Make it, if it is not there.

        Raises:
            OSError: it cannot be made.
        """
        for directory in (self.path.parent, self.path):
            directory.mkdir(mode=PRIVATE, exist_ok=True)

    def claim(self, claim: C) -> bool:
        """Keep it, flushed to disk; False where the step has one already.

        Raises:
            RemediationError: it cannot be kept.
        """
        return create_file(self.path / "claim.json", canonical(claim))

    @property
    def claimed(self) -> C | None:
        """What is kept of the step; None if nothing.

        Raises:
            RemediationError: others could have written it, or it is damaged.
        """
        return self.read("claim.json", self.claim_kind)

    @property
    def result(self) -> R | None:
        """How it ended, None if it has not, or was ended from outside.

        Raises:
            RemediationError: it cannot be read.
        """
        return self.read("result.json", self.result_kind)

    def end(self, result: R) -> None:
        """Keep how it ended, flushed to disk.

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
                raise BlockingIOError(errno.EWOULDBLOCK, "its process runs", str(self.path))
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

    def read(self, name: str, kind: type[K]) -> K | None:
        """A file of it; None if it is not there.

        Raises:
            RemediationError: others could have written it, or it is damaged.
        """
        path = self.path / name
        try:
            return decode(read_trusted(path, limit=_MOST).data, kind)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise RemediationError(
                f"{path} cannot be used",
                guard=self.guard,
                got=f"{type(error).__name__}: {error}"[:200],
                expected="what was written there before and after the step",
                next_step=self.mend,
            ) from error

    def _lock_file(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.path / "lock", flags, PRIVATE_FILE)


class KeptSteps(Generic[D]):
    """All of them on a machine, below the directory that the inventory names."""

    def __init__(self, directory: Path, kind: str, of: Callable[[Path], D]) -> None:
        self._path = directory
        self._kind = kind
        self._of = of

    def of_step(self, step: StepId) -> D:
        """That of a step."""
        return self.named(step.plan, step.step)

    def named(self, plan: str, step: str) -> D:
        """That of the step of the plan with this digest."""
        return self._of(self._path / self._kind / f"{plan[:_DIGITS]}-{step}")

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

    @property
    def running(self) -> tuple[str, ...]:
        """The names of those whose processes run."""
        every = sorted((self._path / self._kind).glob("*/lock"))
        return tuple(one.parent.name for one in every if self._of(one.parent).is_running)


def launch_kept(
    kept: KeptStep[C, R], work: Step, claim: C, module: str, *, log: str, limit_s: float
) -> None:
    """Claim a step and start its process: `python -m MODULE DIRECTORY LOCK`, which leaves its
    caller at once and keeps the lock. `limit_s` is how long that may take.

    Raises:
        AlreadyClaimed: the step was claimed before.
        NotLaunched: it cannot be claimed.
        LaunchFailed: the process did not start, or died before it left.
    """
    had = AlreadyClaimed(f"{work.target} has had this step", got="it is kept")
    try:
        if kept.claimed is not None:
            raise had
        kept.make()
        with kept.held() as lock:
            # The lock first: a claim without a lock or a result would look like one that ended.
            if not kept.claim(claim):
                raise had
            start_process(kept.path, lock, module, log=log, limit_s=limit_s)
    except BlockingIOError:
        raise had from None  # another launch of it holds the lock, and has claimed it
    except (RemediationError, OSError) as error:
        raise NotLaunched(f"{work.target} cannot be claimed", got=str(error)) from error


def start_process(directory: Path, lock: int, module: str, *, log: str, limit_s: float) -> None:
    """Start the process of a step whose lock is held: `python -m MODULE DIRECTORY LOCK`.

    Raises:
        LaunchFailed: it did not start, or died before it left its caller.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(directory / log, flags, PRIVATE_FILE), "wb") as file:
            started = subprocess.run(
                [sys.executable, "-m", module, str(directory), str(lock)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                pass_fds=(lock,),
                cwd="/",
                timeout=limit_s,
                check=False,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LaunchFailed(f"the process of {directory.name} did not start", got=str(error)) from (
            error
        )
    if started.returncode:
        got = f"exit {started.returncode}, see {directory}/{log}"
        raise LaunchFailed(f"the process of {directory.name} died", got=got)
