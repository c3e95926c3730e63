"""Runs programs that an inventory names: only trusted ones, without a shell, and within limits.

What a program prints is not kept: it may hold a secret. It finds nothing of ours in its
environment, and nothing on its input.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from remediations.errors import RemediationError
from remediations.files.trusted import MEGABYTE, read_trusted

_MOST_BYTES = 200 * MEGABYTE
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ProgramError(Exception):
    """A program that is not run, and why. Nothing of it was started."""


class ProgramTimeout(Exception):
    """A program that did not end in time, and was killed with all that it had started."""


def program_sha256(path: str) -> str:
    """The SHA-256 of a program that nobody else can have changed.

    Raises:
        ProgramError: it is not there, is no program, or somebody else could have changed it.
    """
    try:
        data = read_trusted(Path(path), limit=_MOST_BYTES).sha256
    except OSError as error:
        raise ProgramError(f"{path}: {error.strerror}") from None
    except RemediationError as error:
        raise ProgramError(f"{error.what}: {error.got}; {error.next_step}") from None
    if not os.access(path, os.X_OK):
        raise ProgramError(f"{path} is not executable: chmod u+x")
    return data


def run_program(
    arguments: Sequence[str],
    *,
    within_s: float,
    planned: Mapping[str, str] | None = None,
    lock: int | None = None,
) -> int:
    """Run it to its end; its exit status, negative for a signal.

    `planned` are the hashes of programs in the plan; None where there is no plan yet. `lock` is a
    descriptor that it inherits: it is held for as long as anything of it runs.

    Raises:
        ProgramError: it is not trusted, is not the planned one, or cannot be started.
        ProgramTimeout: it was killed.
    """
    path = arguments[0]
    found = program_sha256(path)
    if planned is not None and planned.get(path) != found:
        said = f"{path} is another program: sha256 {found[:12]}, planned {planned.get(path)!s:.12}"
        raise ProgramError(said)
    try:
        process = subprocess.Popen(
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            cwd="/",
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
        )
    except OSError as error:
        raise ProgramError(f"{path} cannot be started: {error.strerror}") from None
    try:
        return process.wait(within_s)
    except subprocess.TimeoutExpired:
        raise ProgramTimeout(f"{path} did not end within {within_s:.0f} s: killed") from None
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment() -> dict[str, str]:
    user = pwd.getpwuid(os.geteuid())
    return {"PATH": _PATH, "LANG": "C.UTF-8", "HOME": user.pw_dir, "USER": user.pw_name}
