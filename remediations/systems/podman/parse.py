"""What `probe.sh` prints of containers, as values. Pure.

Every parser takes text and raises `TextError` on anything unexpected: an error says what was
expected, never what was there. Lines and words are split by values.lines.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

import msgspec

from remediations.systems.podman.values import (
    MAX_CONTAINERS,
    MAX_IMAGES,
    MAX_LISTENERS,
    Container,
    Engine,
    Image,
    Listener,
)
from remediations.values.lines import TextError, parse_number, parse_pairs, split_lines, split_words
from remediations.values.names import UNIT

T = TypeVar("T")

ID = re.compile("[0-9a-f]{64}")
DIGEST = re.compile("sha256:[0-9a-f]{64}")
NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6}){1,3}[A-Za-z0-9.+~-]{0,40}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")
_WORD = re.compile("[a-z-]{0,40}")
_STAMP = re.compile(r"([0-9-]{10}T[0-9:]{8})(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
_SOCKET = re.compile(r"LISTEN +[0-9]+ +[0-9]+ +([^ ]{1,60}):([0-9]{1,5}) +[^ ]+( +users:\((.*)\))?")
_HOLDER = re.compile(r'\("([^"]{0,64})",pid=([0-9]{1,9}),fd=[0-9]{1,9}\)')
_NEVER = 1
"""The year of Go's zero time."""


class _ContainerRow(NamedTuple):
    """One line of `podman_containers`, in its order."""

    id: str
    name: str
    state: str
    image: str
    image_id: str
    image_digest: str
    created: str
    started: str
    finished: str
    exit_code: int
    pid: int
    conmon_pid: int
    restart_policy: str
    restarts: int
    out_of_memory: bool
    health: str
    network: str
    unit: str


class _ImageRow(NamedTuple):
    """One line of `podman_images`, in its order."""

    id: str
    digest: str
    digests: list[str] | None
    names: list[str] | None


_CONTAINER = msgspec.json.Decoder(_ContainerRow)
_IMAGE = msgspec.json.Decoder(_ImageRow)


@dataclass(frozen=True)
class Processes:
    """Which processes belong to which container: `main` those that have its files mounted,
    `conmon` its monitor with the unit in whose control group that is."""

    main: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    conmon: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    def container_of(self, pid: int) -> str:
        """The id of the container that a process belongs to, "" for none."""
        for of, pids in self.main.items():
            if pid in pids:
                return of
        return next((of for of, (monitor, _) in self.conmon.items() if monitor == pid), "")


def parse_engine(text: str) -> Engine:
    """Lines of the version and of what else there is.

    Raises:
        TextError: a line is malformed.
    """
    lines = split_lines(text)
    users = [line.removeprefix("rootless=") for line in lines if line.startswith("rootless=")]
    told = parse_pairs("\n".join(line for line in lines if not line.startswith("rootless=")))
    version = told.get("version")
    if version is None or not (version == "" or _VERSION.fullmatch(version)):
        raise TextError("the version of podman is malformed")
    if not all(map(_USER.fullmatch, users)):
        raise TextError("the name of a user is malformed")
    return Engine(
        version=version,
        asleep=told.get("asleep") == "yes",
        rootless=tuple(sorted(set(users) - {"root"})),
        docker=told.get("docker") == "yes",
    )


def parse_processes(text: str) -> Processes:
    """Lines `main PID ID` and `conmon PID ID UNIT`.

    Raises:
        TextError: a line is malformed.
    """
    main: dict[str, list[int]] = defaultdict(list)
    conmon: dict[str, tuple[int, str]] = {}
    for line in split_lines(text):
        kind, *words = split_words(line) or [""]
        if kind not in ("main", "conmon") or len(words) not in (2, 3) or not ID.fullmatch(words[1]):
            raise TextError("the line of a container's process is malformed")
        pid, unit = parse_number(words[0]), words[2] if len(words) == 3 else ""
        if unit and not UNIT.fullmatch(unit):
            raise TextError("the unit of a container's monitor is malformed")
        if kind == "main":
            main[words[1]].append(pid)
        else:
            conmon.setdefault(words[1], (pid, unit))
    pids = {of: tuple(sorted(set(found))) for of, found in main.items()}
    return Processes(main=pids, conmon=conmon)


def parse_containers(text: str, processes: Processes) -> tuple[Container, ...]:
    """One line of JSON for each container, by name.

    Raises:
        TextError: a line is malformed, or there are too many.
    """
    rows = _rows(text, _CONTAINER, MAX_CONTAINERS, "containers")
    found = [_container(row, processes) for row in rows]
    return tuple(sorted(found, key=lambda one: (one.name, one.id)))


def _container(row: _ContainerRow, processes: Processes) -> Container:
    if not ID.fullmatch(row.id) or not NAME.fullmatch(row.name):
        raise TextError("the id or the name of a container is malformed")
    if not ID.fullmatch(row.image_id) or not DIGEST.fullmatch(row.image_digest):
        raise TextError("the image of a container is malformed")
    if not all(map(_WORD.fullmatch, (row.state, row.restart_policy, row.health))):
        raise TextError("the state of a container is malformed")
    created = _moment(row.created)
    if created is None:
        raise TextError("a container has no time at which it was created")
    monitor, unit = processes.conmon.get(row.id, (0, ""))
    left = processes.main.get(row.id, ())
    return Container(
        id=row.id,
        name=row.name,
        state=row.state,
        image=row.image[:300],
        image_id=row.image_id,
        image_digest=row.image_digest,
        created_at=created,
        started_at=_moment(row.started),
        finished_at=_moment(row.finished),
        exit_code=row.exit_code,
        pid=row.pid,
        pid_alive=row.pid in left,
        conmon_pid=monitor or row.conmon_pid,
        conmon_alive=bool(monitor),
        restart_policy=row.restart_policy,
        left=left,
        restarts=row.restarts,
        out_of_memory=row.out_of_memory,
        health=row.health,
        network=row.network[:40],
        unit=unit or (row.unit if UNIT.fullmatch(row.unit) else ""),
    )


def parse_images(text: str) -> tuple[Image, ...]:
    """One line of JSON for each image, by id.

    Raises:
        TextError: a line is malformed, or there are too many.
    """
    found = []
    for row in _rows(text, _IMAGE, MAX_IMAGES, "images"):
        digests = {row.digest, *(name.rpartition("@")[2] for name in row.digests or ())} - {""}
        if not ID.fullmatch(row.id) or not all(map(DIGEST.fullmatch, digests)):
            raise TextError("the id or a digest of an image is malformed")
        names = tuple(sorted(name[:300] for name in row.names or ()))
        found.append(Image(id=row.id, digests=tuple(sorted(digests)), names=names))
    return tuple(sorted(found, key=lambda one: one.id))


def parse_listeners(text: str, processes: Processes) -> tuple[Listener, ...]:
    """Lines of `ss -ltnpH`, by port. A socket of no process that is seen has the pid 0.

    Raises:
        TextError: a line is malformed, or there are too many.
    """
    found: set[tuple[int, str, int, str]] = set()
    for line in split_lines(text):
        match = _SOCKET.fullmatch(line.rstrip(" "))
        if match is None:
            raise TextError("the line of a listening socket is malformed")
        address, port, _, holders = match.groups()
        held = _HOLDER.findall(holders or "") or [("", "0")]
        found |= {(int(port), address, parse_number(pid), name) for name, pid in held}
    if len(found) > MAX_LISTENERS:
        raise TextError(f"there are more than {MAX_LISTENERS} listening sockets")
    return tuple(
        Listener(
            address=address,
            port=port,
            pid=pid,
            command=command,
            container=processes.container_of(pid) if pid else "",
        )
        for port, address, pid, command in sorted(found)
    )


def _rows(text: str, form: msgspec.json.Decoder[T], most: int, what: str) -> Sequence[T]:
    lines = split_lines(text)
    if len(lines) > most:
        raise TextError(f"there are more than {most} {what}, and none is read")
    return list(_decoded(lines, form, what))


def _decoded(lines: Iterable[str], form: msgspec.json.Decoder[T], what: str) -> Iterable[T]:
    for line in lines:
        try:
            yield form.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise TextError(f"what podman tells of its {what} is malformed") from error


def _moment(text: str) -> datetime | None:
    """A time of Go's, to the microsecond; None for its zero time."""
    match = _STAMP.fullmatch(text)
    if match is None:
        raise TextError("a time is malformed")
    whole, fraction, zone = match.groups()
    try:
        at = datetime.fromisoformat(f"{whole}{(fraction or '')[:7]}{zone}")
        return None if at.year == _NEVER else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise TextError("a time is malformed") from error
