"""How hosts are read: one program, in one round trip, for all host systems.

What a host printed is read in a thread. A thread cannot be stopped, so what bounds it is its work:
the document has at most `_MAX_BYTES`, its sections `TOTAL_BYTES`, and no parser takes longer than
in proportion to them. All of the worst texts that are known take 0.7 s together
(tests/property/test_hostile_documents.py); a process that can be stopped takes a third of that to
start, for each healthy host, too, whose answer is read in a millisecond. The event loop and the
other hosts go on meanwhile; the time limit is a second wall.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from remediations.engine.observe.section import TIME_LIMIT, Trouble
from remediations.engine.system import HostSystem, LookRequest, RemoteSystem
from remediations.reach.background import run_in_thread
from remediations.reach.connection import Completed, HostUnreachable
from remediations.render.printable import one_line
from remediations.systems.hosts.document import DocumentError, read_document
from remediations.systems.hosts.program import COMMAND, program
from remediations.systems.hosts.reading import HostLogin, HostsReading, read_login, unread_login
from remediations.systems.hosts.sections import limits_of
from remediations.systems.hosts.workshop import DRIVER
from remediations.values.elapsed import elapsed_ms
from remediations.values.inventory import HostEntry
from remediations.values.lines import split_lines
from remediations.values.part import Kinded
from remediations.values.reading import Unknown, Why

log = logging.getLogger(__name__)
HOST_LIMIT_S = 10.0
"""What reading one host may take once it is connected; connecting has limits of its own."""

CONNECT_LIMIT_S = 30.0
READ_LIMIT_S = 5.0
"""For reading one answer, once it is its turn."""

READERS = 4
"""Answers that are read at the same time."""

_MAX_BYTES = 24_000_000
SAID_BYTES, SHOWN = 600, 200
"""Of a host's complaint: what is looked at, and what is kept."""


@dataclass(frozen=True, kw_only=True)
class _HostRead:
    """What was read of one host: `by_system` has one reading for each host system, in order."""

    login: HostLogin
    by_system: tuple[Any, ...]


async def look_at_hosts(look: LookRequest) -> Sequence[Kinded]:
    """The hosts themselves, and one value for each host system.

    Raises:
        Refused: two systems cannot share the program.
    """
    looking = _HostLook(look)
    systems = looking.systems
    hosts = await asyncio.gather(*(looking.at(entry) for entry in look.inventory.hosts))
    of_systems = [
        system.whole(look.inventory, [host.by_system[index] for host in hosts])
        for index, system in enumerate(systems)
    ]
    return (HostsReading(hosts=tuple(host.login for host in hosts)), *of_systems)


def unanswered(hosts: HostsReading) -> tuple[str, ...]:
    """Why, where nobody could be logged in to."""
    reasons = [host.session.reason for host in hosts.hosts if isinstance(host.session, Unknown)]
    return tuple(reasons) if len(reasons) == len(hosts.hosts) else ()


HOSTS = RemoteSystem(
    name="hosts",
    kind=HostsReading,
    drivers=(DRIVER,),
    look=look_at_hosts,
    unanswered=unanswered,
)


class _HostLook:
    """One look at all hosts."""

    def __init__(self, look: LookRequest) -> None:
        self.look = look
        self.systems: tuple[HostSystem, ...] = look.host_systems
        self.limits = limits_of(self.systems)
        self.readers = asyncio.Semaphore(READERS)

    async def at(self, entry: HostEntry) -> _HostRead:
        """One host."""
        began = datetime.now(UTC)
        try:
            sent, done, received = await self._ask(entry)
        except HostUnreachable as error:
            reason = f"{error.what} ({error.guard}: {error.got})"
            return self._unread(entry, Trouble(Why.UNREACHABLE, reason), began)
        except TimeoutError:
            log.info("%s: a time limit ended the reading", entry.name)
            return self._unread(entry, TIME_LIMIT, began)
        async with self.readers:
            begun = time.monotonic()
            try:
                async with asyncio.timeout(READ_LIMIT_S):
                    reading = await run_in_thread(self._read, done, entry, sent, received)
                log.debug("%s: its answer was parsed in %d ms", entry.name, elapsed_ms(begun))
                return reading
            except TimeoutError:
                log.info("%s: the time limit of %.0f s ended parsing", entry.name, READ_LIMIT_S)
                late = Trouble(Why.TIME_LIMIT, "its answer takes too long to read")
                return self._unread(entry, late, began)

    def _read(
        self, done: Completed, entry: HostEntry, sent: datetime, received: datetime
    ) -> _HostRead:
        try:
            document = read_document(done.stdout, sent=sent, received=received, limits=self.limits)
        except DocumentError as error:
            return self._unread(entry, no_document(done, error), sent)
        return _HostRead(
            login=read_login(document, entry, sent),
            by_system=tuple(system.read(document, entry, sent) for system in self.systems),
        )

    def _unread(self, entry: HostEntry, trouble: Trouble, at: datetime) -> _HostRead:
        return _HostRead(
            login=unread_login(entry, trouble, at),
            by_system=tuple(system.unread(entry, trouble, at) for system in self.systems),
        )

    async def _ask(self, entry: HostEntry) -> tuple[datetime, Completed, datetime]:
        """What the host printed, with the moments around it. It is asked once more where the
        connection was lost meanwhile: to read twice harms nobody.

        Raises:
            HostUnreachable: it cannot be reached, or was lost twice.
            TimeoutError: not within the limits.
        """
        for last in (False, True):
            async with asyncio.timeout(CONNECT_LIMIT_S):
                connection = await self.look.reach.connect(entry.name)
            try:
                async with asyncio.timeout(HOST_LIMIT_S):
                    sent = datetime.now(UTC)
                    done = await connection.run(
                        COMMAND,
                        stdin=program(entry, self.look.scope, self.systems),
                        timeout_s=HOST_LIMIT_S - 0.5,
                        max_bytes=_MAX_BYTES,
                    )
                    return sent, done, datetime.now(UTC)
            except HostUnreachable:
                if last:
                    raise
        raise AssertionError("the second time returns or raises")


def no_document(done: Completed, error: DocumentError) -> Trouble:
    """What the connection tells of a missing answer; of the host's words one line, made safe."""
    if done.timed_out:
        return Trouble(Why.TIME_LIMIT, f"{error}; it was still running at the time limit")
    if done.truncated:
        return Trouble(Why.TOO_LARGE, f"{error}; it was too long")
    words = done.stderr[:SAID_BYTES].decode("utf-8", "replace").strip()
    said = one_line("; ".join(split_lines(words)))[:SHOWN]
    ended = f"exit status {done.exit_status}{': ' if said else ''}{said}"
    return Trouble(Why.CORRUPT, f"{error}; {ended}")
