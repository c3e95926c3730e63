"""The journal: one line a record, each with the hash of the line before, on disk *before* the act.

`journal_check.py` reads it without this package.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from remediations.errors import UsageError
from remediations.model.wire import WireError, canonical, decode
from remediations.run.files import sync_directory, unwritable
from remediations.run.records import Entry, EntryKind


class Journal:
    """Appends to one journal. The first append makes the file, which must not exist."""

    def __init__(self, path: Path, plan: str) -> None:
        self._path = path
        self._plan = plan
        self._number = 0
        self._previous = ""
        self._descriptor: int | None = None

    def append(self, kind: EntryKind, **fields: Any) -> Entry:  # noqa: ANN401 - Entry's own fields
        """Write one entry and wait until it is on disk.

        Raises:
            MachineError: it cannot be written; then nothing may be done either.
        """
        entry = Entry(
            number=self._number + 1,
            previous=self._previous,
            at=datetime.now(UTC),
            kind=kind,
            plan=self._plan,
            **fields,
        )
        line = canonical(entry)
        try:
            descriptor = self._opened()
            os.write(descriptor, line + b"\n")
            os.fsync(descriptor)
        except OSError as error:
            raise unwritable(self._path, error) from error
        self._number += 1
        self._previous = hashlib.sha256(line).hexdigest()
        return entry

    def close(self) -> None:
        """No more entries."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _opened(self) -> int:
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
            self._descriptor = os.open(self._path, flags, 0o600)
            sync_directory(self._path.parent)
        return self._descriptor


def read_journal(path: Path) -> tuple[Entry, ...]:
    """All entries, verified: numbers rise by one, each hash is that of the line before.

    A torn last line (the machine died writing it) is left out: it announced nothing yet.

    Raises:
        UsageError: it was edited, cut in the middle, or reordered; says at which line.
    """
    if not path.exists():
        return ()
    *lines, torn = path.read_bytes().split(b"\n")
    if torn and not lines:
        return ()
    entries, previous = [], ""
    for number, line in enumerate(lines, 1):
        try:
            entry = decode(line, Entry)
        except WireError as error:
            raise _broken(path, number, str(error)) from error
        if entry.number != number or entry.previous != previous:
            raise _broken(path, number, "it does not follow the line before")
        entries.append(entry)
        previous = hashlib.sha256(line).hexdigest()
    return tuple(entries)


def _broken(path: Path, number: int, why: str) -> UsageError:
    return UsageError(
        "the journal is not what was written",
        guard="journal",
        got=f"{path}, line {number}: {why}",
        expected="an unbroken chain of records",
        next_step="treat the run's state as unknown: `remediate diagnose` reads the hosts",
    )
