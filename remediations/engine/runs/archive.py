"""A run as one file that travels: packed here, read or unpacked elsewhere, or not at all.

1. `manifest.json` comes first: the run, its plan, the head of its journal, and name, size and
   SHA-256 of each file that follows. Its own SHA-256 comes last, in the form of sha256sum(1). The
   same run gives the same bytes.
2. What comes must be exactly what the manifest says: a file that was added, removed or edited on
   the way is each an error of its own.
3. Whoever can edit a file can make another manifest. So the files must also belong together by
   what was signed: the plan's own digest names the observation and the inventory, an approval signs
   that digest, the journal names the plan, approvals and checks (`runs.binding`).
4. Reports are not in it: they are made anew from what is.

What no file can show of itself is that its end was cut off before it was packed (an approval that
was never packed, the last records of a journal). Compare the SHA-256 that `export` prints.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from remediations.engine.approve.approval_file import APPROVAL_LIMIT
from remediations.engine.plan.plan import NAMING, plan_digest
from remediations.engine.plan.plan_file import PLAN_FILE, PLAN_LIMIT
from remediations.engine.runs.binding import check_binding
from remediations.engine.runs.journal import read_journal
from remediations.engine.runs.store import (
    CHECKS_LIMIT,
    INVENTORY_FILE,
    JOURNAL_FILE,
    OBSERVATION_FILE,
    RunDirectory,
)
from remediations.engine.runs.tape import TAPE_LIMIT, TapeError, read_tape, write_tape
from remediations.errors import UsageError
from remediations.files.trusted import read_trusted
from remediations.files.writing import named_file_error, write_named_file
from remediations.values.record import Record
from remediations.values.wire import WireError, canonical, decode, format_of

ARCHIVE_FORMAT = 1
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
MANIFEST_LIMIT = 1_000_000
RUN_NAME = re.compile(r"[0-9]{8}-[0-9]{6}-(?:[a-z0-9]+-){1,40}[0-9a-f]{8}")
ADDED, REMOVED, EDITED, TOGETHER = (
    "file added",
    "file removed",
    "file edited",
    "files of one run",
)
_FIXED = (PLAN_FILE, OBSERVATION_FILE, INVENTORY_FILE, JOURNAL_FILE)
_NEEDED = (PLAN_FILE, OBSERVATION_FILE, INVENTORY_FILE)
_APPROVAL = re.compile(r"approvals/[0-9]{3,6}\.json")
_CHECKS = re.compile(r"checks(?:-[1-9][0-9]{0,5})?\.json")


class PackedFile(Record, frozen=True, kw_only=True):
    """A file of a run in an archive."""

    name: str
    size: int
    sha256: str


class RunManifest(Record, frozen=True, kw_only=True):
    """What is in an archive. `plan` is the digest of the plan, `head` the SHA-256 of the last line
    of the journal, "" for a run that was not begun."""

    format: int
    run: str
    plan: str
    head: str
    files: tuple[PackedFile, ...]


class Packed(Record, frozen=True, kw_only=True):
    """An archive: its manifest, its bytes, and their SHA-256."""

    manifest: RunManifest
    sha256: str
    data: bytes


def pack_run(run: RunDirectory) -> Packed:
    """The run as one file.

    Raises:
        UsageError: its files are not what was written, do not belong together, or are too large.
        MachineError: they cannot be read.
    """
    if not RUN_NAME.fullmatch(run.name):
        _refuse(run.path, TOGETHER, f"a directory called {run.name!r}", "the name of a run")
    files = tuple((name, _read(run, name)) for name in _names(run))
    manifest = RunManifest(
        format=ARCHIVE_FORMAT,
        run=run.name,
        plan=run.digest,
        head=_head(dict(files).get(JOURNAL_FILE, b"")),
        files=tuple(
            PackedFile(name=name, size=len(data), sha256=_sha256(data)) for name, data in files
        ),
    )
    check_together(run, manifest)
    try:
        first = canonical(manifest)
        data = write_tape([(MANIFEST, first), *files, (SEAL, _seal(first))])
    except TapeError as error:
        _refuse(run.path, error.guard, str(error), "files that are small enough to travel")
    return Packed(manifest=manifest, sha256=_sha256(data), data=data)


def write_archive(packed: Packed, path: Path) -> None:
    """Write an archive to `path`, whole or not at all. An earlier archive is replaced, and nothing
    else.

    Raises:
        UsageError: the file holds something else.
        MachineError: it cannot be written.
    """
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(MANIFEST)) != MANIFEST.encode():
                raise UsageError(
                    f"{path} holds something else, and is not overwritten with a run",
                    guard="archive file",
                    got="a file that is not an exported run",
                    expected="a path where nothing is, or an earlier export",
                    next_step="choose another FILE",
                )
    try:
        write_named_file(path, packed.data)
    except OSError as error:
        raise named_file_error(
            "the run", path, error, guard="archive file", option="FILE"
        ) from error


def read_archive(path: Path, sha256: str | None = None) -> tuple[Packed, Mapping[str, bytes]]:
    """The archive in the file `path`, and its files by name. With `sha256` it must have that one.

    Raises:
        UsageError: it cannot be read, is not one, or something was added, removed or edited.
    """
    try:
        data = read_trusted(path, limit=TAPE_LIMIT).data
    except OSError as error:
        raise _unusable(path, "archive file", error.strerror or str(error), "a file") from error
    found = _sha256(data)
    if sha256 is not None and sha256.lower() != found:
        _refuse(path, "--sha256", found, f"{sha256}: the file that was exported")
    try:
        taped = read_tape(data)
        first = next(taped, None)
        if first is None or first.name != MANIFEST:
            _refuse(path, ADDED, "a first file that is not the manifest", f"{MANIFEST} first")
        manifest = _manifest(path, bytes(first.data))
        files = _as_listed(path, manifest, ((one.name, bytes(one.data)) for one in taped))
    except TapeError as error:
        raise _unusable(path, error.guard, str(error), "the file as `export` wrote it") from error
    return Packed(manifest=manifest, sha256=found, data=data), files


def _manifest(path: Path, data: bytes) -> RunManifest:
    """The manifest, in its canonical form, of files that a run may have, in their order."""
    try:
        if len(data) > MANIFEST_LIMIT:
            _refuse(path, EDITED, f"a manifest of {len(data)} bytes", f"{MANIFEST_LIMIT} at most")
        version = format_of(data)
        if version != str(ARCHIVE_FORMAT):
            expected = f"format {ARCHIVE_FORMAT}"
            _refuse(path, "archive format", f"format {str(version)[:20]}", expected)
        manifest = decode(data, RunManifest)
    except WireError as error:
        raise _unusable(path, EDITED, f"{MANIFEST}: {error}", "the manifest as written") from error
    names = [one.name for one in manifest.files]
    if canonical(manifest) != data:
        _refuse(path, EDITED, f"{MANIFEST} in another form", "the manifest as written")
    if not RUN_NAME.fullmatch(manifest.run) or manifest.run[-NAMING:] != manifest.plan[:NAMING]:
        _refuse(path, EDITED, f"{MANIFEST} of {manifest.run[:80]!r}", "the name of the plan's run")
    strange = [name for name in names if not _belongs(name)]
    if strange:
        _refuse(path, ADDED, f"{strange[0][:80]!r}", "files of a run and nothing else")
    if names != _in_order(names):
        _refuse(path, ADDED, "a file twice, or in another order", "each file of a run once")
    for name in _NEEDED:
        if name not in names:
            _refuse(path, REMOVED, f"no {name}", "a whole run")
    return manifest


def _as_listed(
    path: Path, manifest: RunManifest, files: Iterator[tuple[str, bytes]]
) -> Mapping[str, bytes]:
    """The files, which are exactly those of the manifest."""
    listed: dict[str, PackedFile | None] = {one.name: one for one in manifest.files}
    listed[SEAL] = None
    found: dict[str, bytes] = {}
    for name, data in files:
        if name not in listed or name in found:
            what = "a second time" if name in found else "which the manifest does not name"
            _refuse(path, ADDED, f"{name[:80]!r}, {what}", "the files of the manifest, each once")
        told = listed[name]
        if told is not None and (len(data), _sha256(data)) != (told.size, told.sha256):
            _refuse(path, EDITED, f"{name} with {_sha256(data)}", told.sha256)
        found[name] = data
    missing = [name for name in listed if name not in found]
    if missing:
        _refuse(path, REMOVED, f"no {missing[0]}", "every file of the manifest")
    seal = found.pop(SEAL)
    if seal != _seal(canonical(manifest)):
        _refuse(path, EDITED, f"{MANIFEST} or {SEAL}", "the manifest that was written")
    if list(found) != [one.name for one in manifest.files]:
        _refuse(path, EDITED, "files in another order", "the order of the manifest")
    if _head(found.get(JOURNAL_FILE, b"")) != manifest.head:
        _refuse(path, EDITED, "another last record of the journal", manifest.head or "no journal")
    return found


def check_together(run: RunDirectory, manifest: RunManifest) -> None:
    """Check that the files of `run` are what this version writes, and belong to one plan.

    Raises:
        UsageError: they are not, or do not.
        MachineError: they cannot be read.
    """
    plan, digests = run.plan, {one.name: one.sha256 for one in manifest.files}
    where = Path(run.reference)
    for name, got, expected in (
        ("the manifest", manifest.plan, plan_digest(plan)),
        (OBSERVATION_FILE, digests[OBSERVATION_FILE], plan.observation_digest),
        (INVENTORY_FILE, digests[INVENTORY_FILE], plan.inventory_digest),
    ):
        if got != expected:
            _refuse(where, TOGETHER, f"{name} of {got[:16]}", f"that of the plan: {expected[:16]}")
    for one in run.approvals:
        if _sha256(canonical(one.approval)) != one.sha256:
            _refuse(where, TOGETHER, f"{one.file} in another form", "an approval as written")
    run.checks()
    check_binding(run, read_journal(run.journal))


def _names(run: RunDirectory) -> list[str]:
    """The files of a run that travel, in the order in which they do."""
    found = [name for name in _FIXED if (run.path / name).is_file()]
    found += [one.file for one in run.approvals] + [one.file for one in run.checks()]
    return _in_order(found)


def _in_order(names: Sequence[str]) -> list[str]:
    """Each name once: the plan, what it was made from, approvals, journal, checks."""

    def place(name: str) -> tuple[int, int, str]:
        if name in _FIXED:
            return (_FIXED.index(name), 0, name)
        return (len(_FIXED) + bool(_CHECKS.fullmatch(name)), len(name), name)

    return sorted(dict.fromkeys(names), key=place)


def _belongs(name: str) -> bool:
    return name in _FIXED or bool(_APPROVAL.fullmatch(name) or _CHECKS.fullmatch(name))


def _read(run: RunDirectory, name: str) -> bytes:
    limits = {PLAN_FILE: PLAN_LIMIT}
    limit = APPROVAL_LIMIT if _APPROVAL.fullmatch(name) else limits.get(name, TAPE_LIMIT)
    limit = CHECKS_LIMIT if _CHECKS.fullmatch(name) else limit
    try:
        return read_trusted(run.path / name, limit=limit).data
    except OSError as error:
        raise _unusable(run.path / name, "file", str(error), "a file of the run") from error


def _seal(manifest: bytes) -> bytes:
    return f"{_sha256(manifest)}  {MANIFEST}\n".encode()


def _head(journal: bytes) -> str:
    whole = journal.rpartition(b"\n")[0]
    return _sha256(whole.rpartition(b"\n")[2]) if whole else ""


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _refuse(path: Path, guard: str, got: str, expected: str) -> NoReturn:
    raise _unusable(path, guard, got, expected)


def _unusable(path: Path, guard: str, got: str, expected: str) -> UsageError:
    return UsageError(
        f"{path} is not a run that can be used",
        guard=guard,
        got=got,
        expected=expected,
        next_step="`remediate export RUN` where the run is, and bring the file again, unchanged",
    )
