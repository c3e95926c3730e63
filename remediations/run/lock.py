"""One application at a time on a chain, from this machine.

What two machines must agree on lies on the hosts: the claim of each step (launcher.sh).
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from remediations.errors import Locked
from remediations.files.writing import unusable

PATIENCE_S = 0.5
"""For somebody who only asks who holds it (`holder`): that takes the lock for a moment."""
_RETRY_S = 0.02


@contextmanager
def chain_lock(state: Path, chain_id: str, run: str) -> Iterator[None]:
    """Hold the chain while the block runs.

    Raises:
        Locked: another process applies a plan to this chain.
        MachineError: the state directory cannot be written.
    """
    path = lock_path(state, chain_id)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = path.open("a+")
    except OSError as error:
        raise unusable(path, error) from error
    with file:
        if not _taken(file, PATIENCE_S):
            raise _locked(file, chain_id)
        try:
            file.truncate(0)
            file.write(run)
            file.flush()
        except OSError as error:
            raise unusable(path, error) from error
        try:
            yield
        finally:
            file.truncate(0)


def holder(state: Path, chain_id: str) -> str:
    """The run that a living process applies to this chain, or ""."""
    try:
        with lock_path(state, chain_id).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read().strip()
    except OSError:
        return ""
    return ""


def lock_path(state: Path, chain_id: str) -> Path:
    """The lock file of a chain: another one for every other id."""
    return state / "locks" / f"{quote(chain_id, safe='')}.lock"


def _taken(file: TextIO, patience_s: float) -> bool:
    end = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_RETRY_S)
        else:
            return True


def _locked(file: TextIO, chain_id: str) -> Locked:
    file.seek(0)
    run = file.read().strip()
    return Locked(
        f"another run is being applied to {chain_id}",
        guard="one run at a time",
        got=run or "a run that has just begun",
        expected="nobody",
        next_step=f"remediate status {run}".strip(),
    )
