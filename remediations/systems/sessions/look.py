"""Reads items by their probes, on the machine that the inventory names, and changes nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from remediations.engine.system import LookRequest
from remediations.errors import RemediationError
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.reach.background import run_in_thread
from remediations.reach.http_exchange import ExchangeFailed
from remediations.systems.sessions.calls import calls_in
from remediations.systems.sessions.exchange import read_token
from remediations.systems.sessions.inventory import HttpProbe, Item, SessionsEntry, sessions_of
from remediations.systems.sessions.probe import ProbeSilent, ask_probe
from remediations.systems.sessions.program import ProgramError, program_sha256
from remediations.systems.sessions.reading import (
    ItemReading,
    ProbeAnswer,
    ProgramReading,
    SessionsReading,
)
from remediations.values.part import Kinded
from remediations.values.reading import Known, Reading, Unknown, Why

_AT_ONCE = 8


async def look_at_sessions(look: LookRequest) -> Sequence[Kinded]:
    """All items of the inventory. Never raises for what a service does."""
    entry = sessions_of(look.inventory)
    return () if entry is None else (await read_sessions(entry),)


async def read_sessions(entry: SessionsEntry) -> SessionsReading:
    """How all items stand now."""
    here, turns = socket.gethostname(), asyncio.Semaphore(_AT_ONCE)

    async def one(item: Item) -> ItemReading:
        async with turns:
            return await run_in_thread(read_item, item, entry.machine, here)

    items = await asyncio.gather(*(one(item) for item in entry.items))
    flaw = await run_in_thread(lambda: calls_in(entry.directory).flaw)
    return SessionsReading(machine=entry.machine, here=here, flaw=flaw, items=tuple(items))


def read_item(item: Item, machine: str, here: str) -> ItemReading:
    """How one item stands. Elsewhere than on its machine nothing of it is asked or run: tokens and
    programs are there."""
    if here != machine:
        elsewhere = Unknown(
            why=Why.NOT_ASKED,
            reason=f"it is asked on {machine} alone, and this is {here}",
            source=item.target,
            at=datetime.now(UTC),
        )
        programs = tuple(ProgramReading(path=path, sha256=elsewhere) for path in item.programs)
        return ItemReading(item=item, flaw="", programs=programs, answer=elsewhere)
    return ItemReading(
        item=item,
        flaw=_flaw(item),
        programs=tuple(_program(path) for path in item.programs),
        answer=_answer(item),
    )


def _answer(item: Item) -> Reading[ProbeAnswer]:
    probe, at = item.probe, datetime.now(UTC)
    source = f"GET {probe.url}" if isinstance(probe, HttpProbe) else probe.run[0]
    try:
        return Known(value=ask_probe(item), source=source, at=at)
    except ProbeSilent as silence:
        return Unknown(why=silence.why, reason=str(silence), source=source, at=at)


def _program(path: str) -> ProgramReading:
    at = datetime.now(UTC)
    sha256: Reading[str]
    try:
        sha256 = Known(value=program_sha256(path), source=path, at=at)
    except ProgramError as error:
        sha256 = Unknown(why=Why.REFUSED, reason=str(error), source=path, at=at)
    return ProgramReading(path=path, sha256=sha256)


def _flaw(item: Item) -> str:
    """Why its token or its certificates cannot be used, "" if they can."""
    try:
        if item.token_file is not None:
            read_token(item.token_file)
        if item.ca_file is not None:
            read_trusted(Path(item.ca_file), limit=MEGABYTE)
    except ExchangeFailed as error:
        return str(error)
    except OSError as error:
        return f"{item.ca_file}: {error.strerror}"
    except RemediationError as error:
        return f"{error.what}: {error.got}"
    return ""
