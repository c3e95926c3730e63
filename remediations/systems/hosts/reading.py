"""The hosts themselves, whatever runs on them: the login, and where steps keep their record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import ClassVar

from remediations.engine.observe.section import HostDocument, Trouble
from remediations.systems.hosts.read_section import SILENT, read_section
from remediations.systems.hosts.records import parse_records
from remediations.systems.hosts.values import RecordRoom, Session
from remediations.values.inventory import HostEntry
from remediations.values.lines import TextError, parse_pairs
from remediations.values.part import Kinded
from remediations.values.reading import Reading, Why
from remediations.values.record import Record

NO_LOGIN = Trouble(Why.CORRUPT, "the probe said nothing of the login")


class HostLogin(Record, frozen=True, kw_only=True):
    """One host. When `session` is unknown nothing else could be read there, by any system."""

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
        """Every other system's reading of a host looks for its login."""
        return {login.host: login for login in self.hosts}


def read_login(document: HostDocument, entry: HostEntry, at: datetime) -> HostLogin:
    """What the frame's own sections say of host `entry`, which was asked at `at`."""
    return HostLogin(
        host=entry.name,
        session=read_section(
            document,
            "login",
            "login",
            lambda section: _session(document, section.text),
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
    """A host of which nothing could be read."""
    unknown = trouble.unknown(f"ssh {entry.ssh}", at)
    return HostLogin(host=entry.name, session=unknown, records=unknown)


def _session(document: HostDocument, text: str) -> Session:
    said = parse_pairs(text)
    if not said.get("user") or not said.get("boot_id"):
        raise TextError("the login says nothing of a user or a boot id")
    return Session(
        user=said["user"],
        sudo=said.get("euid") == "0",
        boot_id=said["boot_id"],
        machine_id=said.get("machine_id", ""),
        round_trip_ms=document.round_trip_ms,
        clock_offset_ms=document.clock_offset_ms,
    )
