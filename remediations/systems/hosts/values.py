"""What one host reports: unit, processes, files, disk. Parsed, but not interpreted."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from remediations.values.record import Moment, Record

DISK_FLOOR = 256 << 20
"""Free bytes that a start needs (G17): WAL, journal and database logs take less within minutes."""
INODE_FLOOR = 1_000
OPEN_FILES = 65_535
"""Files that a daemon may open: fewer can be too few for its databases and its peers."""


FARTHEST_CLOCK_MS = 100 * 366 * 24 * 3_600_000
"""A clock that is further off is told as being so far off: times that it gives stay dates."""
ClockOffset = Annotated[int, Meta(ge=-FARTHEST_CLOCK_MS, le=FARTHEST_CLOCK_MS)]


class Session(Record, frozen=True, kw_only=True):
    """The login. `clock_offset_ms` is the host's clock minus ours, with half a round trip
    subtracted."""

    user: str
    sudo: bool
    boot_id: str
    machine_id: str
    round_trip_ms: int
    clock_offset_ms: ClockOffset


class Unit(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A systemd service (`systemctl show`). `active_since` is in UTC, None if it never was
    active; `inactive_since` is when it went down last, None if it never did since the host was
    booted. `needs_reload`: its files have changed since systemd read them. `held`: a run keeps
    everybody from starting it (`hold.py`); `hold_note` is the last thing that the hold says was
    done."""

    name: str
    load_state: str
    active_state: str
    sub_state: str
    enabled: str
    result: str
    restarts: int
    main_pid: int
    exit_status: int
    user: str
    binary: str
    arguments: tuple[str, ...]
    home: str
    restart_policy: str
    stop_timeout_s: int
    open_files: int
    active_since: Moment | None
    invocation: str
    needs_reload: bool = False
    held: bool = False
    hold_note: str = ""
    inactive_since: Moment | None = None

    @property
    def masked(self) -> bool:
        """Whether its unit file is masked, for good or until the next boot."""
        return self.enabled in ("masked", "masked-runtime")


class Process(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One process that uses the daemon's home. `started` is in clock ticks since boot. `of_unit`:
    it is not the unit's main process, and in its control group: a wrapper (cosmovisor) started it,
    or it is the main one of a unit that loops."""

    pid: int
    state: str
    started: int
    command: str
    of_unit: bool = False


class NodeConfig(Record, frozen=True, kw_only=True):
    """The settings of config.toml and app.toml that decide something here.

    `adaptive_sync` exists since CometBFT 0.39; it is off if the file lacks it. `p2p_port` is where
    it listens for peers, 0 if that could not be read.
    """

    rpc_url: str
    remote_signer: str
    double_sign_check_height: int
    halt_height: int
    halt_time: int
    persistent_peers: tuple[str, ...]
    db_backend: str
    adaptive_sync: bool = False
    p2p_port: int = 0


class ConsensusKey(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The validator key's *address*; the private part never leaves the host.

    `address` is "" if there is no key file. `node_id` is that of the node key, "" if it could not
    be told.
    """

    address: str
    node_key: bool
    node_id: str = ""


class WriteAheadLog(Record, frozen=True, kw_only=True):
    """`data/cs.wal`: its size in bytes; 0 if absent."""

    size: int


class Disk(Record, frozen=True, kw_only=True):
    """The file system of the home's data directory. `writable`: it is mounted read-write."""

    available: int
    total: int
    inodes_available: int
    writable: bool
    path: str

    @property
    def has_room(self) -> bool:
        """Whether a start has what it needs. Diagnosis and guards both ask this question."""
        return self.available >= DISK_FLOOR and self.inodes_available >= INODE_FLOOR


class RecordRoom(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The file system on which steps keep their record, as root sees it.

    `path` is the directory, or the one in which it would be made. `exposed` is the first of these
    and the directories above that others than root may write to, "" if there is none. `staged` are
    the files that were brought there (`remediate stage`), each named by the SHA-256 that it had
    then: whether it still has it is for the step that uses it to find out.
    """

    path: str
    available: int
    inodes_available: int
    writable: bool
    exposed: str
    staged: tuple[str, ...] = ()


class Ownership(Record, frozen=True, kw_only=True):
    """How many files below the home do not belong to the service user, and one of them."""

    foreign: int
    example: str


class Binary(Record, frozen=True, kw_only=True):
    """The program on disk and in memory. `running_sha256` is "" if it does not run."""

    path: str
    sha256: str
    running_sha256: str
    version: str


class FileChange(Record, frozen=True, kw_only=True):
    """A file that decides how the daemon starts. `at` is when it was last changed in any way, by
    the host's clock (ctime, which also tells of a file that was put there with an old time).
    `of_unit`: systemd reads it, the daemon does not."""

    path: str
    at: Moment
    of_unit: bool


class JournalLine(Record, frozen=True, kw_only=True):
    """One line of the unit's journal that matches what it is searched for."""

    at: Moment
    message: str
