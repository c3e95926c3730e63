"""The hosts themselves, whatever runs there: the login, and where steps keep their record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import ClassVar

from remediations.engine.observe.section import HostDocument, Trouble
from remediations.systems.hosts.read_section import SILENT, read_section
from remediations.systems.hosts.values import FARTHEST_CLOCK_MS, RecordRoom, Session
from remediations.values.inventory import HostEntry
from remediations.values.lines import UNLIMITED, TextError, parse_number, parse_pairs, split_lines
from remediations.values.part import Kinded
from remediations.values.reading import Reading, Why
from remediations.values.record import Record

_ROOT = "0"
_STAGED = "staged="
_HASH = re.compile("[0-9a-f]{64}")
_STICKY, _GROUP_OR_OTHERS_WRITE = 0o1000, 0o022
NO_LOGIN = Trouble(Why.CORRUPT, "the probe reported nothing about the login")


class HostLogin(Record, frozen=True, kw_only=True):
    """One host. If `session` is unknown, no system could read anything there."""

    host: str
    session: Reading[Session]
    records: Reading[RecordRoom]


class HostsReading(Kinded, frozen=True, kw_only=True, dict=True):
    """All hosts of an inventory, in its order."""

    KIND: ClassVar[str] = "hosts.reading/1"

    hosts: tuple[HostLogin, ...]

    def host(self, name: str) -> HostLogin:
        """The reading of host `name`.

        Raises:
            KeyError: it was not observed.
        """
        return self._by_host[name]

    @cached_property
    def _by_host(self) -> Mapping[str, HostLogin]:
        """Built once: the readings of all other systems look up their login."""
        return {login.host: login for login in self.hosts}


def read_login(document: HostDocument, entry: HostEntry, at: datetime) -> HostLogin:
    """What the frame's own sections say about host `entry`, which was asked at `at`."""
    return HostLogin(
        host=entry.name,
        session=read_section(
            document,
            "login",
            "login",
            lambda section: session_of(document, section.text),
            absent=NO_LOGIN,
            at=at,
        ),
        records=read_section(
            document,
            "records",
            "stat /var/lib/remediate",
            lambda section: parse_records(section.text),
            absent=SILENT,
            at=at,
        ),
    )


def unread_login(entry: HostEntry, trouble: Trouble, at: datetime) -> HostLogin:
    """A host that could not be read."""
    unknown = trouble.unknown(f"ssh {entry.ssh}", at)
    return HostLogin(host=entry.name, session=unknown, records=unknown)


def session_of(document: HostDocument, text: str) -> Session:
    """The login, by what the probe printed about it.

    Raises:
        TextError: it names no user, or no boot.
    """
    said = parse_pairs(text)
    if not said.get("user") or not said.get("boot_id"):
        raise TextError("the login does not report a user and a boot id")
    return Session(
        user=said["user"],
        sudo=said.get("euid") == "0",
        boot_id=said["boot_id"],
        machine_id=said.get("machine_id", ""),
        round_trip_ms=document.round_trip_ms,
        clock_offset_ms=max(-FARTHEST_CLOCK_MS, min(document.clock_offset_ms, FARTHEST_CLOCK_MS)),
    )


def parse_records(text: str) -> RecordRoom:
    """Where steps keep their record (systems/hosts/launcher.sh): `path=`, `writable=`, `room=`
    (stat -f: blocks free, their size, inodes free and in all), a line `staged=` for each file that
    is kept there by its hash, and a line `OWNER MODE PATH` for the directory itself and each one
    above it.

    Raises:
        TextError: one of them is missing or malformed.
    """
    lines = split_lines(text)
    staged = tuple(row.removeprefix(_STAGED) for row in lines if row.startswith(_STAGED))
    rows = [row for row in lines if not row.startswith(_STAGED)]
    if not all(map(_HASH.fullmatch, staged)):
        raise TextError("a file that is kept by its hash has another name")
    ways = [row.split(" ", 2) for row in rows if "=" not in row.partition(" ")[0]]
    said = parse_pairs("\n".join(row for row in rows if "=" in row.partition(" ")[0]))
    room = said.get("room", "").split(" ")
    if len(room) != 4 or said.get("writable") not in ("yes", "no") or not said.get("path"):
        raise TextError("room, path, or whether it can be written is missing")
    if any(len(way) != 3 for way in ways) or not ways or ways[-1][2] != "/":
        raise TextError("owner or mode of a directory up to the root is missing")
    blocks, size, inodes, all_inodes = map(parse_number, room)
    return RecordRoom(
        path=said["path"],
        available=min(blocks * size, UNLIMITED),
        inodes_available=inodes if all_inodes else UNLIMITED,
        writable=said["writable"] == "yes",
        exposed=next(
            (
                path
                for at, (owner, mode, path) in enumerate(ways)
                if _is_exposed(owner, mode, above=at > 0)
            ),
            "",
        ),
        staged=tuple(sorted(staged)),
    )


def _is_exposed(owner: str, mode: str, *, above: bool) -> bool:
    """Whether others than root may change what is there. In a sticky directory they can only
    add."""
    try:
        bits = int(mode, 8)
    except ValueError as error:
        raise TextError("the mode of a directory is not octal") from error
    if owner != _ROOT:
        return True
    return bool(bits & _GROUP_OR_OTHERS_WRITE) and not (above and bits & _STICKY)
