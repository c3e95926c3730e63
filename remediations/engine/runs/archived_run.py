"""A run in an archive, which commands that only read use as they use one in the state directory."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from remediations.engine.approve.approval import Approval
from remediations.engine.plan.plan_file import PLAN_FILE
from remediations.engine.runs.archive import check_together, read_archive
from remediations.engine.runs.store import RunDirectory, read_only_error
from remediations.files.writing import (
    create_file,
    make_private_directory,
    private_temporary_directory,
)


class ArchivedRun(RunDirectory):
    """The files of a run in an archive, unpacked for the time of one command, to be read only."""

    def __init__(self, path: Path, archive: Path) -> None:
        super().__init__(path)
        self.archive = archive

    @property
    def travels(self) -> bool:
        """It is read, and never changed."""
        return True

    @property
    def reference(self) -> str:
        """The archive, as a command names it."""
        return shlex.quote(str(self.archive))

    def add_approval(self, approval: Approval) -> Path:  # noqa: ARG002 - it is refused
        """Refuse: an archive is not changed.

        Raises:
            UsageError: always.
        """
        raise read_only_error(self.reference, "an approval to be added")

    def write(self, name: str, data: bytes) -> Path:  # noqa: ARG002 - it is refused
        """Refuse: an archive is not changed.

        Raises:
            UsageError: always.
        """
        raise read_only_error(self.reference, f"{name} to be written")


@contextmanager
def unpacked_run(path: Path) -> Iterator[ArchivedRun]:
    """The run in the archive `path`, in a private directory, while the block runs.

    Raises:
        UsageError: it cannot be used, or its files do not belong together.
        MachineError: there is no space for it.
    """
    packed, files = read_archive(path)
    with private_temporary_directory("a run that travels") as directory:
        run = ArchivedRun(directory / packed.manifest.run, path)
        fill_directory(run.path, files)
        check_together(run, packed.manifest)
        yield run


def fill_directory(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a run, the plan last: a directory without it is not a run.

    Raises:
        MachineError: it cannot be written.
    """
    make_private_directory(directory)
    for name in sorted(files, key=lambda name: name == PLAN_FILE):
        create_file(directory / name, files[name])
