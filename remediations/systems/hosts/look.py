"""How hosts are read: one program, in one round trip, for all host systems.

What a host printed is parsed in a thread. A thread cannot be stopped, so its work is bounded: the
document has at most `_MAX_BYTES`, its sections `TOTAL_BYTES`, and no parser takes longer than in
proportion to them. All of the worst texts that are known take 0.7 s together
(tests/property/test_hostile_documents.py). A process could be stopped, but would take a third of
that to start, also for each healthy host, whose answer is parsed in a millisecond. Event loop and
other hosts go on meanwhile; the time limit is a second barrier.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from remediations.engine.observe.section import TIME_LIMIT, Trouble
from remediations.engine.system import HostSystem, LookRequest
from remediations.reach.background import run_in_thread
from remediations.reach.connection import Completed, HostUnreachable
from remediations.render.printable import one_line
from remediations.systems.hosts.document import DocumentError, read_document
from remediations.systems.hosts.program import COMMAND, host_program
from remediations.systems.hosts.reading import HostLogin, HostsReading, read_login, unread_login
from remediations.systems.hosts.sections import section_limits
from remediations.values.elapsed import elapsed_ms
from remediations.values.inventory import HostEntry
from remediations.values.lines import split_lines
from remediations.values.part import Kinded
from remediations.values.reading import Why

log = logging.getLogger(__name__)
HOST_LIMIT_S = 22.0
"""For reading one host once it is connected; connecting has limits of its own."""

CONNECT_LIMIT_S = 30.0
READ_LIMIT_S = 5.0
"""For parsing one answer, once it is its turn."""

READERS = 4
"""How many answers are parsed at the same time."""

_MAX_BYTES = 24_000_000
SAID_BYTES, SHOWN = 600, 200
"""Of a host's error output: the bytes that are looked at, and the characters that are kept."""


@dataclass(frozen=True, kw_only=True)
class _HostRead:
    """What was read on one host: `by_system` has one reading for each host system that is on it, by
    the system's name."""

    login: HostLogin
    by_system: Mapping[str, Any]


async def look_at_hosts(look: LookRequest) -> Sequence[Kinded]:
    """One value for the hosts themselves, and one for each host system.

    Raises:
        Refused: two systems cannot be in one program.
    """
    looking = _HostLook(look)
    hosts = await asyncio.gather(*(looking.at(entry) for entry in look.inventory.hosts))
    of_systems = [
        system.whole(
            look.inventory, [h.by_system[system.name] for h in hosts if system.name in h.by_system]
        )
        for system in look.host_systems
    ]
    return (HostsReading(hosts=tuple(host.login for host in hosts)), *of_systems)


class _HostLook:
    """One look at all hosts."""

    def __init__(self, look: LookRequest) -> None:
        self.look = look
        self.limits = section_limits(look.host_systems)
        self.readers = asyncio.Semaphore(READERS)

    def systems(self, entry: HostEntry) -> tuple[HostSystem, ...]:
        """Those that have anything to read on a host."""
        return tuple(one for one in self.look.host_systems if one.is_on(entry))

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
            return self._unread(entry, document_trouble(done, error), sent)
        return _HostRead(
            login=read_login(document, entry, sent),
            by_system={one.name: one.read(document, entry, sent) for one in self.systems(entry)},
        )

    def _unread(self, entry: HostEntry, trouble: Trouble, at: datetime) -> _HostRead:
        return _HostRead(
            login=unread_login(entry, trouble, at),
            by_system={one.name: one.unread(entry, trouble, at) for one in self.systems(entry)},
        )

    async def _ask(self, entry: HostEntry) -> tuple[datetime, Completed, datetime]:
        """What the host printed, and the times before and after. If the connection is lost, the
        host is asked once more: reading twice does no harm.

        Raises:
            HostUnreachable: it cannot be reached, or the connection was lost twice.
            TimeoutError: a time limit passed.
        """
        for last in (False, True):
            async with asyncio.timeout(CONNECT_LIMIT_S):
                connection = await self.look.reach.connect(entry.name)
            try:
                async with asyncio.timeout(HOST_LIMIT_S):
                    sent = datetime.now(UTC)
                    done = await connection.run(
                        COMMAND,
                        stdin=host_program(
                            entry, self.look.scope, self.look.host_systems, self.look.inventory
                        ),
                        timeout_s=HOST_LIMIT_S - 0.5,
                        max_bytes=_MAX_BYTES,
                    )
                    return sent, done, datetime.now(UTC)
            except HostUnreachable:
                if last:
                    raise
        raise AssertionError("the second time returns or raises")


def document_trouble(done: Completed, error: DocumentError) -> Trouble:
    """Why there is no document, by how the command ended; of the host's words one line, made
    safe."""
    if done.timed_out:
        return Trouble(Why.TIME_LIMIT, f"{error}; it was still running at the time limit")
    if done.truncated:
        return Trouble(Why.TOO_LARGE, f"{error}; it was too long")
    words = done.stderr[:SAID_BYTES].decode("utf-8", "replace").strip()
    said = one_line("; ".join(split_lines(words)))[:SHOWN]
    ended = f"exit status {done.exit_status}{': ' if said else ''}{said}"
    return Trouble(Why.CORRUPT, f"{error}; {ended}")
