"""The journal: one line a record, each with the hash of the line before, on disk *before* the act.

`journal_check.py` reads it without this package.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from remediations.errors import Locked, UsageError
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.files.writing import PRIVATE_FILE, sync_directory, unusable
from remediations.model.wire import WireError, canonical, decode
from remediations.run.records import CommandState, Entry, EntryKind, RunState

JOURNAL_LIMIT = 256 * MEGABYTE


class Journal:
    """Appends to one journal. The first append makes the file, which must not exist."""

    def __init__(self, path: Path, plan: str) -> None:
        self._path = path
        self._plan = plan
        self._number = 0
        self._previous = ""
        self._length = 0
        self._descriptor: int | None = None

    def append(self, kind: EntryKind, **fields: Any) -> Entry:  # noqa: ANN401 - Entry's own fields
        """Write one entry and wait until it is on disk.

        Raises:
            MachineError: it cannot be written; then nothing may be done either.
            Locked: another application of this run made the journal first.
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
            self._write(self._opened(), line + b"\n")
        except FileExistsError as error:
            raise _applied_before(self._path) from error
        except OSError as error:
            raise unusable(self._path, error) from error
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
            self._descriptor = os.open(self._path, flags, PRIVATE_FILE)
            os.fchmod(self._descriptor, PRIVATE_FILE)
            sync_directory(self._path.parent)
        return self._descriptor

    def _write(self, descriptor: int, data: bytes) -> None:
        """All of `data` durably, or none of it: half a line would break the chain for good."""
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError("no space left for the whole record")
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, self._length)
            raise
        self._length += len(data)


def read_journal(path: Path) -> tuple[Entry, ...]:
    """All entries, verified: numbers rise by one, each hash is that of the line before, each line
    is what this version writes.

    A torn last line (the machine died writing it) is left out: it announced nothing yet.

    Raises:
        UsageError: it was edited, cut in the middle, or reordered; says at which line.
        MachineError: it cannot be read.
    """
    try:
        *lines, _torn = read_trusted(path, limit=JOURNAL_LIMIT).data.split(b"\n")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise unusable(path, error) from error
    entries: list[Entry] = []
    previous = ""
    for number, line in enumerate(lines, 1):
        try:
            entry = decode(line, Entry)
        except WireError as error:
            raise _broken(path, number, str(error)) from error
        if not _possible(entry):
            raise _broken(path, number, f"{entry.kind} with the state {entry.state!r}")
        if canonical(entry) != line:
            raise _broken(path, number, "the bytes are not those of a record")
        if entry.number != number or entry.previous != previous:
            raise _broken(path, number, "it does not follow the line before")
        entries.append(entry)
        previous = hashlib.sha256(line).hexdigest()
    return tuple(entries)


def _possible(entry: Entry) -> bool:
    """Whether the state is one that entries of this kind have."""
    kinds = {EntryKind.COMMAND_ENDED: CommandState, EntryKind.RUN_ENDED: RunState}
    states = kinds.get(entry.kind)
    return states is None or entry.state in tuple(states)


def _applied_before(path: Path) -> Locked:
    return Locked(
        "this run was applied before",
        guard="one plan, one application",
        got=f"a journal: {path}",
        expected="none",
        next_step="`remediate status` shows how it ended; for another attempt make a new plan",
    )


def _broken(path: Path, number: int, why: str) -> UsageError:
    return UsageError(
        "the journal is not what was written",
        guard="journal",
        got=f"{path}, line {number}: {why}",
        expected="an unbroken chain of records",
        next_step="treat the run's state as unknown: `remediate diagnose` reads the hosts",
    )
