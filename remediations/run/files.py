"""Writing files so that a crash leaves the old one or the new one, never half."""

from __future__ import annotations

import os
from pathlib import Path

from remediations.errors import MachineError


def write_whole(path: Path, data: bytes) -> None:
    """Write, sync, rename, sync.

    Raises:
        MachineError: the state directory cannot be written.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error


def sync_directory(path: Path) -> None:
    """Make what was created in a directory outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unwritable(path: Path, error: OSError) -> MachineError:
    """The refusal for a state directory that is read-only, full, or somebody else's."""
    return MachineError(
        "the state directory cannot be written",
        guard="state directory",
        got=f"{path}: {error.strerror}",
        expected="a directory of yours with free space",
        next_step="set REMEDIATE_HOME to one",
    )
