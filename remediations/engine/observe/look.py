"""One look at all hosts at once.

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
from datetime import UTC, datetime

from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.observation import (
    OBSERVATION_FORMAT,
    HostReading,
    Observation,
    Scope,
)
from remediations.engine.observe.trouble import TIME_LIMIT, Trouble
from remediations.reach.aside import in_thread, short_turns
from remediations.reach.connection import Completed, HostUnreachable, Reach
from remediations.render.printable import one_line
from remediations.systems.comet.parse import read_host, unread_host
from remediations.systems.hosts.document import DocumentError, read_document
from remediations.systems.hosts.program import COMMAND, program
from remediations.values.elapsed import elapsed_ms
from remediations.values.inventory import HostEntry, Inventory
from remediations.values.lines import lines
from remediations.values.reading import Why

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


async def observe(reach: Reach, inventory: Inventory, *, scope: Scope, tool: str) -> Observation:
    """Read all hosts of `inventory`, each in one round trip. Changes nothing anywhere.

    A host that cannot be read is in the result, all of it unknown, with the reason. `tool` is our
    own name and version.
    """
    began = datetime.now(UTC)
    readers = asyncio.Semaphore(READERS)
    with short_turns():
        hosts, logins = await asyncio.gather(
            asyncio.gather(*(_look(reach, entry, scope, readers) for entry in inventory.hosts)),
            asyncio.gather(*(reach.login(entry.name) for entry in inventory.hosts)),
        )
    return Observation(
        format=OBSERVATION_FORMAT,
        tool=tool,
        scope=scope,
        began=began,
        ended=datetime.now(UTC),
        inventory_digest=inventory_digest(inventory),
        chain_id=inventory.chain_id,
        halted_after_s=inventory.halted_after_s,
        logins=tuple(logins),
        hosts=tuple(hosts),
    )


async def _look(
    reach: Reach, entry: HostEntry, scope: Scope, readers: asyncio.Semaphore
) -> HostReading:
    began = datetime.now(UTC)
    try:
        sent, done, received = await _ask(reach, entry, scope)
    except HostUnreachable as error:
        reason = f"{error.what} ({error.guard}: {error.got})"
        return unread_host(entry, Trouble(Why.UNREACHABLE, reason), began)
    except TimeoutError:
        log.info("%s: a time limit ended the reading", entry.name)
        return unread_host(entry, TIME_LIMIT, began)
    async with readers:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(READ_LIMIT_S):
                reading = await in_thread(_read, done, entry, sent, received)
        except TimeoutError:
            log.info("%s: the time limit of %.0f s ended parsing", entry.name, READ_LIMIT_S)
            late = Trouble(Why.TIME_LIMIT, "its answer takes too long to read")
            return unread_host(entry, late, began)
        log.debug("%s: its answer was parsed in %d ms", entry.name, elapsed_ms(begun))
        return reading


def _read(done: Completed, entry: HostEntry, sent: datetime, received: datetime) -> HostReading:
    try:
        document = read_document(done.stdout, sent=sent, received=received)
    except DocumentError as error:
        return unread_host(entry, _no_document(done, error), sent)
    return read_host(document, entry, sent)


async def _ask(
    reach: Reach, entry: HostEntry, scope: Scope
) -> tuple[datetime, Completed, datetime]:
    """What the host printed, with the moments around it. It is asked once more where the connection
    was lost meanwhile: to read twice harms nobody.

    Raises:
        HostUnreachable: it cannot be reached, or was lost twice.
        TimeoutError: not within the limits.
    """
    for last in (False, True):
        async with asyncio.timeout(CONNECT_LIMIT_S):
            connection = await reach.connect(entry.name)
        try:
            async with asyncio.timeout(HOST_LIMIT_S):
                sent = datetime.now(UTC)
                done = await connection.run(
                    COMMAND,
                    stdin=program(entry, scope),
                    timeout_s=HOST_LIMIT_S - 0.5,
                    max_bytes=_MAX_BYTES,
                )
                return sent, done, datetime.now(UTC)
        except HostUnreachable:
            if last:
                raise
    raise AssertionError("the second time returns or raises")


def _no_document(done: Completed, error: DocumentError) -> Trouble:
    """What the connection tells of a missing answer; of the host's words one line, made safe."""
    if done.timed_out:
        return Trouble(Why.TIME_LIMIT, f"{error}; it was still running at the time limit")
    if done.truncated:
        return Trouble(Why.TOO_LARGE, f"{error}; it was too long")
    words = done.stderr[:SAID_BYTES].decode("utf-8", "replace").strip()
    said = one_line("; ".join(lines(words)))[:SHOWN]
    ended = f"exit status {done.exit_status}{': ' if said else ''}{said}"
    return Trouble(Why.CORRUPT, f"{error}; {ended}")
