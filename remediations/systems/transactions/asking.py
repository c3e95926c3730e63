"""Several endpoints as one witness: which are used, and what all of them say.

An endpoint is used while it answers for the chain of the inventory, is not catching up, and its
height moves. What is read counts only where every endpoint that answers says the same: one that
lies or lags makes the reading unknown, never another value.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median
from typing import TypeVar

from remediations.reach.background import run_in_thread
from remediations.reach.node_rpc import RpcError
from remediations.systems.transactions.inventory import KeysEntry
from remediations.systems.transactions.questions import Status, block_times, status
from remediations.systems.transactions.values import EndpointReading, EndpointState
from remediations.values.endpoint import Endpoint
from remediations.values.reading import Known, Reading, Unknown, Why

T = TypeVar("T")
MOVES_WITHIN_S = 20.0
"""Blocks of six seconds, and a slow one."""
_LOOK_S = 0.5
AGREED_WITHIN_S = 5.0
"""One endpoint has a block a moment before another one."""


async def read_endpoints(entry: KeysEntry) -> tuple[EndpointReading, ...]:
    """All of them, each watched until its height moves."""
    return tuple(await asyncio.gather(*(_endpoint(one, entry) for one in entry.endpoints)))


async def _endpoint(endpoint: Endpoint, entry: KeysEntry) -> EndpointReading:
    at, end = datetime.now(UTC), time.monotonic() + MOVES_WITHIN_S
    try:
        first = last = await run_in_thread(status, endpoint)
        while first.chain_id == entry.chain_id and last.height <= first.height:
            if time.monotonic() > end:
                break
            await asyncio.sleep(_LOOK_S)
            last = await run_in_thread(status, endpoint)
    except RpcError as error:
        unread = Unknown(why=error.why, reason=str(error), source=endpoint.url, at=at)
        return EndpointReading(endpoint=endpoint, state=unread, flaw=str(error))
    state = EndpointState(
        chain_id=last.chain_id[:64],
        first=first.height,
        last=last.height,
        catching_up=last.catching_up,
        block_time=int(last.time),
        pace_ms=await _pace_ms(endpoint, last),
    )
    known: Reading[EndpointState] = Known(value=state, source=endpoint.url, at=at)
    return EndpointReading(endpoint=endpoint, state=known, flaw=_flaw(entry, first, last))


async def _pace_ms(endpoint: Endpoint, last: Status) -> int:
    """How long a block takes: the median of the last ones, so that a halt among them, or the time
    of a genesis, does not count. 0 where that cannot be told."""
    try:
        times = await run_in_thread(block_times, endpoint, last.height)
    except RpcError:
        return 0
    took = [after - before for before, after in pairwise(times)]
    return round(1000 * median(took)) if took else 0


def _flaw(entry: KeysEntry, first: Status, last: Status) -> str:
    """Why an endpoint is not used; "" if it is."""
    if last.chain_id != entry.chain_id:
        return f"it is of chain {last.chain_id[:64]!r}, the inventory says {entry.chain_id}"
    if last.catching_up:
        return f"it is catching up, at height {last.height}"
    if last.height <= first.height:
        return f"its height does not move: {last.height} for {MOVES_WITHIN_S:.0f} s"
    return ""


async def agreed(
    endpoints: Sequence[Endpoint], question: Callable[[Endpoint], T], source: str
) -> Reading[T]:
    """What all endpoints that answer say. Asked again for a moment where they differ."""
    at, end = datetime.now(UTC), time.monotonic() + AGREED_WITHIN_S
    if not endpoints:
        said = "no endpoint is used"
        return Unknown(why=Why.NOT_ASKED, reason=said, source=source, at=at)
    while True:
        answers = await asyncio.gather(*(_answer(question, one) for one in endpoints))
        good = [one for one in answers if not isinstance(one, RpcError)]
        bad = [one for one in answers if isinstance(one, RpcError)]
        if good and all(one == good[0] for one in good):
            return Known(value=good[0], source=source, at=at)
        if not good:
            return Unknown(why=bad[0].why, reason=str(bad[0])[:300], source=source, at=at)
        if time.monotonic() > end:
            names = ", ".join(one.name for one in endpoints)
            said = f"the endpoints {names} say different things"
            return Unknown(why=Why.CORRUPT, reason=said, source=source, at=at)
        await asyncio.sleep(_LOOK_S)


def _answer(question: Callable[[Endpoint], T], endpoint: Endpoint) -> Awaitable[T | RpcError]:
    def asked() -> T | RpcError:
        try:
            return question(endpoint)
        except RpcError as error:
            return error

    return run_in_thread(asked)
