"""Running programs on this machine, with an error that shows what they said."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence


class LabError(RuntimeError):
    """The lab could not do what it was asked for. The message says why."""


def run(*argv: str, stdin: str = "", timeout: float = 120, check: bool = True) -> str:
    """The program's standard output.

    Raises:
        LabError: it failed, or took too long.
    """
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{_shown(argv)} took more than {timeout} s") from error
    if check and done.returncode:
        raise LabError(f"{_shown(argv)} ended with {done.returncode}: {done.stderr.strip()[-800:]}")
    return done.stdout


def _shown(argv: Sequence[str]) -> str:
    return " ".join(argv)[:200]
