"""The journal: one record on each line, with the hash of the line before, on disk *before* the act.

Only one process writes it at a time: first the one that applies the run, later each verification,
which appends its result. `journal_check.py` reads it without this package.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from remediations.engine.runs.lock import PATIENCE_S, try_lock
from remediations.engine.runs.records import (
    JOURNAL_FORMAT,
    Checked,
    Event,
    FenceGiven,
    JournalEntry,
    RunAbandoned,
    RunBegan,
    RunEnded,
    RunResumed,
    StopAsked,
    UndoBegan,
)
from remediations.errors import Locked, UsageError
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.files.writing import PRIVATE_FILE, state_directory_error, sync_directory
from remediations.values.known_secrets import document_without_secrets
from remediations.values.wire import WireError, canonical, decode

JOURNAL_LIMIT = 256 * MEGABYTE
_GO_ON = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Journal:
    """Appends to a journal. The first append creates the file, which must not exist; `reopened`
    continues an existing one."""

    def __init__(self, path: Path, plan: str) -> None:
        self._path = path
        self._plan = plan
        self._number = 0
        self._previous = ""
        self._length = 0
        self._descriptor: int | None = None

    @classmethod
    def reopened(cls, path: Path) -> Self:
        """Continue the journal of an applied run after its last complete record.

        An incomplete line after that announced nothing (`read_journal`); it is removed.

        Raises:
            Locked: another process writes it.
            UsageError: it was edited or replaced.
            MachineError: it cannot be read or written.
        """
        try:
            descriptor = os.open(path, _GO_ON)
        except OSError as error:
            raise state_directory_error(path, error) from error
        try:
            _alone(descriptor, path)
            data = _bytes(path)
            entries = _parsed(path, data)
            if not entries:
                raise _broken(path, 1, "there is no complete record")
            journal = cls(path, entries[-1].plan)
            whole, _, _torn = data.rpartition(b"\n")
            journal._length = len(whole) + 1
            os.ftruncate(descriptor, journal._length)
            journal._number = entries[-1].number
            journal._previous = hashlib.sha256(whole.rpartition(b"\n")[2]).hexdigest()
        except OSError as error:
            os.close(descriptor)
            raise state_directory_error(path, error) from error
        except BaseException:
            os.close(descriptor)
            raise
        journal._descriptor = descriptor
        return journal

    def append(self, event: Event) -> JournalEntry:
        """Write one entry and wait until it is on disk.

        Raises:
            MachineError: it cannot be written; then nothing must be done either.
            Locked: another application of this run created the journal first.
        """
        entry = JournalEntry(
            number=self._number + 1,
            previous=self._previous,
            at=datetime.now(UTC),
            plan=self._plan,
            event=event,
        )
        line = document_without_secrets(canonical(entry))
        try:
            self._write(self._opened(), line + b"\n")
        except FileExistsError as error:
            raise _applied_before(self._path) from error
        except OSError as error:
            raise state_directory_error(self._path, error) from error
        self._number += 1
        self._previous = hashlib.sha256(line).hexdigest()
        return entry

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _opened(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, _GO_ON | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
            os.fchmod(self._descriptor, PRIVATE_FILE)
            _alone(self._descriptor, self._path)
            sync_directory(self._path.parent)
        return self._descriptor

    def _write(self, descriptor: int, data: bytes) -> None:
        """Write all of `data` durably, or nothing: half a line would break the chain for good."""
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError("no space left for the whole record")
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, self._length)
            raise
        self._length += len(data)


def read_journal(path: Path) -> tuple[JournalEntry, ...]:
    """All entries, verified: the numbers are consecutive, each hash is that of the line before,
    each line is what this version writes, the first one says how the run began, and only what may
    follow an end does (`_Course`).

    An incomplete last line (the machine died while writing it) is left out: it announced nothing
    yet.

    Raises:
        UsageError: it was edited, cut in the middle, or reordered (says at which line), or its
            format is that of another version.
        MachineError: it cannot be read.
    """
    try:
        return _parsed(path, _bytes(path))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise state_directory_error(path, error) from error


def _bytes(path: Path) -> bytes:
    return read_trusted(path, limit=JOURNAL_LIMIT).data


def _parsed(path: Path, data: bytes) -> tuple[JournalEntry, ...]:
    *lines, _torn = data.split(b"\n")
    _of_this_format(path, lines[0] if lines else b"")
    entries: list[JournalEntry] = []
    previous, course = "", _Course()
    for number, line in enumerate(lines, 1):
        try:
            entry = decode(line, JournalEntry)
        except WireError as error:
            raise _broken(path, number, str(error)) from error
        if canonical(entry) != line:
            raise _broken(path, number, "the bytes are not those of a record")
        if entry.number != number or entry.previous != previous:
            raise _broken(path, number, "it does not follow the line before")
        if isinstance(entry.event, RunBegan) != (number == 1):
            raise _broken(path, number, "a journal begins with run-began, once")
        trouble = course.trouble(entry.event)
        if trouble:
            raise _broken(path, number, trouble)
        entries.append(entry)
        previous = hashlib.sha256(line).hexdigest()
    return tuple(entries)


class _Course:
    """What may follow what: nothing but a verification follows the end of a run, unless it did not
    get through and is taken up again, to go on, to stop it for good or to undo it. One that got
    through may be undone. Its fences are given back behind the end."""

    def __init__(self) -> None:
        self._ended = False
        self._through = False
        self._final = False

    def trouble(self, event: Event) -> str:
        """Why this event cannot come here; "" if it can."""
        if isinstance(event, FenceGiven):  # whatever the end was
            return ""
        again = isinstance(event, RunResumed | StopAsked | UndoBegan)
        self._through = self._through and not isinstance(event, UndoBegan)
        if (self._final or self._through) and not isinstance(event, Checked):
            return "something but a verification follows the end"
        if self._ended and not again and not isinstance(event, Checked | RunAbandoned):
            return "something follows the end, and the run was not resumed"
        self._ended = isinstance(event, RunEnded | Checked | RunAbandoned) or (
            self._ended and not again
        )
        if isinstance(event, RunEnded):
            self._through = event.state == "running"
            self._final = event.state == "undone"
        self._final = self._final or isinstance(event, RunAbandoned)
        return ""


def _of_this_format(path: Path, first: bytes) -> None:
    """Refuse a journal with another format, by its first line. If that is not JSON, the code that
    reads the records refuses it."""
    try:
        head = decode(first, object)
    except WireError:
        return
    if not isinstance(head, dict):
        return
    event = head.get("event")
    found = event.get("format") if isinstance(event, dict) else None
    if "event" not in head and "kind" in head:
        found = "1"
    if isinstance(found, str | int) and str(found) != str(JOURNAL_FORMAT):
        raise UsageError(
            "the journal was written by another version, which has another format",
            guard="journal format",
            got=f"{path}: format {str(found)[:20]}",
            expected=f"format {JOURNAL_FORMAT}",
            next_step="read it with the version that wrote it, which the plan names (`tool`); "
            "`remediate diagnose` reads the hosts as they are",
        )


def _alone(descriptor: int, path: Path) -> None:
    """Lock out other writers as long as the descriptor is open."""
    if not try_lock(descriptor, PATIENCE_S):
        raise Locked(
            "another process writes this run's journal",
            guard="one writer of a journal",
            got=f"{path} is locked",
            expected="nobody else who applies or verifies this run",
            next_step="`remediate status` shows when it is done; then try again",
        )


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
