"""What takes the room on the file system of a node's data, and what of it a plan may remove. Pure.

A closed list may be removed, and nothing else: archived journal files, core dumps of the daemon,
copies of databases that this program keeps, state sync snapshots, and databases that a rebuild set
aside. Never a database in use, a write-ahead log, a sign state, a key, or what says how an upgrade
goes on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from remediations.values.lines import TextError, parse_number, split_lines
from remediations.values.names import HOME
from remediations.values.record import Record

FILES = "/var/lib/remediate/files"
"""Where steps keep files by their hash (systems/hosts/files.sh)."""
JOURNAL_KEPT = 500 << 20
"""Bytes to which the journal is vacuumed: weeks of a daemon's lines."""
MAX_ROWS = 300
_ASIDE = re.compile("remediate-replaced-[0-9a-f]{12}")
_CORE = re.compile(r"core(\.[A-Za-z0-9_.-]{1,100})?")
_COPY = re.compile("[0-9a-f]{64}")
_SNAPSHOTS = "snapshots"
_WAL = "cs.wal"
_NEEDED = re.compile(
    "config|cosmovisor|wasm|ibc_08-wasm|keyring.*|priv_.*|.*[.]json|.*_key.*|.*[.]toml"
)


class RoomKind(StrEnum):
    """What it is. Those of `REMOVABLE` may go; `NEEDED` is what the node cannot be without: keys,
    sign state, settings, programs."""

    CORE = "core"
    COPY = "copy"
    SNAPSHOTS = "snapshots"
    ASIDE = "aside"
    DATABASE = "database"
    WAL = "wal"
    KEPT = "kept"
    NEEDED = "needed"
    JOURNAL = "journal"
    OTHER = "other"


REMOVABLE = (RoomKind.CORE, RoomKind.COPY, RoomKind.SNAPSHOTS, RoomKind.ASIDE)
"""In the order in which they go, after the journal: what is missed least goes first."""


class RoomUse(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An entry of the home, of data/, or of what steps keep: a file, or a directory with all that
    is in it. `bytes` are those that it takes on the disk. `here`: it lies on the file system of the
    data. `inode` and `modified` (seconds since 1970) tell another one of this name apart."""

    kind: RoomKind
    path: str
    bytes: int
    files: int
    inode: int
    modified: int
    here: bool = True

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def item(self) -> RoomItem:
        """It as a plan names it."""
        return RoomItem(self.kind, self.path, self.inode, self.modified, self.bytes, self.files)


class RoomItem(NamedTuple):
    """What is removed, with all that is compared on the host before."""

    kind: RoomKind
    path: str
    inode: int
    modified: int
    bytes: int
    files: int

    @property
    def line(self) -> str:
        """The form in a plan: `core /var/lib/ve/core.7 12 1764000000 4096 1`."""
        return " ".join(map(str, self))


class Journal(Record, frozen=True, kw_only=True):
    """The journal on disk. Only its archived files can be vacuumed."""

    bytes: int
    archived: int
    here: bool

    @property
    def spare(self) -> int:
        """The bytes that are freed on the data's file system by vacuuming it to `JOURNAL_KEPT`."""
        return max(0, min(self.archived, self.bytes - JOURNAL_KEPT)) if self.here else 0


class Room(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What takes the room; read where little is left. `unfinished` are the directories of which not
    all was walked through in time."""

    uses: tuple[RoomUse, ...]
    journal: Journal | None = None
    unfinished: tuple[str, ...] = ()


class StoreSettings(Record, frozen=True, kw_only=True):
    """Of app.toml: how it prunes its states, and every how many blocks it makes a snapshot for
    others (0: none). `pruning` is "" if the file does not say it."""

    pruning: str
    keep_recent: int
    snapshot_interval: int

    @property
    def rolls_back(self) -> int | None:
        """How many blocks its application could be rolled back at most; None if not known."""
        most = {"default": 362_880, "everything": 2, "custom": self.keep_recent}
        kept = most.get(self.pruning)
        return None if kept is None else max(0, kept - 1)


@dataclass(frozen=True)
class _Entry:
    label: str
    type: str
    device: int
    inode: int
    modified: int
    bytes: int
    files: int
    name: str


def parse_room(text: str, *, home: str) -> Room:
    """The rows of room.sh.

    Raises:
        TextError: a row is malformed.
    """
    rows = split_lines(text)
    if not rows or len(rows) > MAX_ROWS or not rows[0].startswith("data "):
        raise TextError("expected the file system of the data, and what lies there")
    device = parse_number(rows[0].partition(" ")[2])
    entries = [_entry(row) for row in rows[1:] if row.startswith(("home ", "data "))]
    marks = {row for row in rows if row.startswith(("core ", "whole "))}
    journals = [row for row in rows if row.startswith("journal ")]
    kept = [row for row in rows if row.startswith(("copy ", "kept "))]
    uses = [_use(one, home, device, marks) for one in entries]
    uses += [_kept(row, device) for row in kept]
    return Room(
        uses=tuple(sorted(uses, key=lambda use: (-use.bytes, use.path))),
        journal=_journal(journals[0], device) if journals else None,
        unfinished=tuple(row.partition(" ")[2] for row in rows if row.startswith("cut ")),
    )


def _entry(row: str) -> _Entry:
    parts = row.split(" ", 7)
    if len(parts) != 8 or len(parts[1]) != 1 or not parts[7] or "/" in parts[7]:
        raise TextError("an entry of the home is malformed")
    device, inode, modified, size, files = map(parse_number, parts[2:7])
    return _Entry(parts[0], parts[1], device, inode, modified, size, files, parts[7])


def _use(entry: _Entry, home: str, device: int, marks: set[str]) -> RoomUse:
    directory = home if entry.label == "home" else f"{home}/data"
    return RoomUse(
        kind=_kind(entry, marks),
        path=f"{directory}/{entry.name}",
        bytes=entry.bytes,
        files=entry.files,
        inode=entry.inode,
        modified=entry.modified,
        here=entry.device == device,
    )


def _kind(entry: _Entry, marks: set[str]) -> RoomKind:
    name, data = entry.name, entry.label == "data"
    if entry.type == "f" and f"core {entry.label} {name}" in marks and _CORE.fullmatch(name):
        return RoomKind.CORE
    if _NEEDED.fullmatch(name):
        return RoomKind.NEEDED
    if not data or entry.type != "d":
        return RoomKind.OTHER
    if name == _WAL:
        return RoomKind.WAL
    if name == _SNAPSHOTS:
        return RoomKind.SNAPSHOTS
    if f"whole {name}" in marks and _ASIDE.fullmatch(name):
        return RoomKind.ASIDE
    return RoomKind.DATABASE if name.endswith(".db") else RoomKind.OTHER


def _kept(row: str, device: int) -> RoomUse:
    parts = row.split(" ")
    if len(parts) != 6 or not _COPY.fullmatch(parts[5]):
        raise TextError("a file that is kept by its hash is malformed")
    on, inode, modified, size = map(parse_number, parts[1:5])
    return RoomUse(
        kind=RoomKind(parts[0]),
        path=f"{FILES}/{parts[5]}",
        bytes=size,
        files=1,
        inode=inode,
        modified=modified,
        here=on == device,
    )


def _journal(row: str, device: int) -> Journal:
    numbers = [parse_number(word) for word in row.split(" ")[1:]]
    if len(numbers) != 3:
        raise TextError("the size of the journal is malformed")
    return Journal(bytes=numbers[1], archived=numbers[2], here=numbers[0] == device)


def parse_store(text: str) -> StoreSettings:
    """Section headers, and the settings below them.

    Raises:
        TextError: a setting occurs twice, or is not a number where it has to be.
    """
    found: dict[str, str] = {}
    section = ""
    for line in split_lines(text):
        if line.startswith("["):
            section = line
            continue
        name, _, value = line.partition(" = ")
        where = "[state-sync]" if name == "snapshot-interval" else ""
        if section == where and found.setdefault(name, value) != value:
            raise TextError("a setting of the stores occurs twice")
    return StoreSettings(
        pruning=found.get("pruning", ""),
        keep_recent=parse_number(found.get("pruning-keep-recent", "0")),
        snapshot_interval=parse_number(found.get("snapshot-interval", "0")),
    )


def item_of(line: str, home: str) -> RoomItem:
    """The item that a line of a plan names, if it is one that may be removed from this home.

    Raises:
        ValueError: it is malformed, or of a kind or at a place of which nothing is removed.
    """
    words = line.split(" ")
    if len(words) != 6 or words[0] not in REMOVABLE:
        raise ValueError(f"{line!r} does not name a core dump, a copy, snapshots, or a set aside")
    kind, path = RoomKind(words[0]), words[1]
    place, _, name = path.rpartition("/")
    right = {
        RoomKind.CORE: place in (home, f"{home}/data") and bool(_CORE.fullmatch(name)),
        RoomKind.COPY: place == FILES and bool(_COPY.fullmatch(name)),
        RoomKind.SNAPSHOTS: path == f"{home}/data/{_SNAPSHOTS}",
        RoomKind.ASIDE: place == f"{home}/data" and bool(_ASIDE.fullmatch(name)),
    }
    if not HOME.fullmatch(home) or not right[kind]:
        raise ValueError(f"{path!r} is no place of a {kind}")
    return RoomItem(kind, path, *map(parse_number, words[2:]))
