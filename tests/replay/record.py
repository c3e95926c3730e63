"""Makes a recording of a rescue that the demo just walked through. Called by `make record` only."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.lab.access import Access
from tests.lab.shell import LabError
from tests.replay.recording import (
    AFTER,
    BEFORE,
    OBSERVATION,
    SUMS,
    ReplayError,
    read_recording,
    sums,
)

OF_THE_RUN = (OBSERVATION, "plan.json", "journal.jsonl", "checks*.json", "approvals/*")
"""Not the run's inventory.json: it holds paths of this machine, and a replay makes its own."""
PRIVATE = "PRIVATE KEY"


def keep(run: Path, access: Access, checkout: Path, directory: Path) -> None:
    """Replace the recording in `directory` by that of `run`, whose state directory also holds the
    observations before and after.

    Raises:
        LabError: it would not be played, or tells of this machine; the old one stays.
    """
    new = directory.with_name(f".{directory.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    kept = new / "runs" / run.name
    kept.mkdir(parents=True)
    state = run.parents[1]
    for source in (access.inventory, access.allowed_signers, state / BEFORE, state / AFTER):
        shutil.copyfile(source, new / source.name)
    for name in OF_THE_RUN:
        for source in sorted(run.glob(name)):
            target = kept / source.relative_to(run)
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, target)
    (new / SUMS).write_text(sums(new))
    try:
        read_recording(new)
    except ReplayError as error:
        raise LabError(str(error)) from error
    _holds_nothing_of_here(new, checkout)
    _belongs_to_owner(new, checkout)
    shutil.rmtree(directory, ignore_errors=True)
    new.rename(directory)


def _holds_nothing_of_here(directory: Path, checkout: Path) -> None:
    for path in (path for path in directory.rglob("*") if path.is_file()):
        text = path.read_text()
        for secret in (str(checkout), PRIVATE):
            if secret in text:
                raise LabError(f"{path} must not be published: it contains {secret!r}")


def _belongs_to_owner(directory: Path, checkout: Path) -> None:
    """The lab runs as root; the checkout is somebody's, who wants to commit the recording."""
    owner = checkout.stat()
    for path in (directory, *directory.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
