"""One application at a time: of a run, and on a chain, from this machine.

What two machines must agree on lies on the hosts: the claim of each step (launcher.sh).
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from remediations.errors import Locked
from remediations.run.files import unwritable

_PLAIN = re.compile(r"[^A-Za-z0-9.-]+")


@contextmanager
def chain_lock(state: Path, chain_id: str, run: str) -> Iterator[None]:
    """Hold the chain while the block runs.

    Raises:
        Locked: another process applies a plan to this chain.
        MachineError: the state directory cannot be written.
    """
    path = lock_path(state, chain_id)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise unwritable(path, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another run"
            raise Locked(
                f"another run is being applied to {chain_id}",
                guard="one run at a time",
                got=holder,
                expected="nobody",
                next_step=f"remediate status {holder}",
            ) from None
        file.truncate(0)
        file.write(run)
        file.flush()
        yield
        file.truncate(0)


def holder(state: Path, chain_id: str) -> str:
    """The run that a living process applies to this chain, or ""."""
    path = lock_path(state, chain_id)
    try:
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read().strip()
    except OSError:
        return ""
    return ""


def lock_path(state: Path, chain_id: str) -> Path:
    """The lock file of a chain."""
    return state / "locks" / f"{_PLAIN.sub('-', chain_id)}.lock"
