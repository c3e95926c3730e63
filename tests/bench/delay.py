"""A TCP proxy that delays what passes, for machines whose kernel has no netem.

Connecting is not delayed: who counts trips adds one for each connection in a row.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator

Address = tuple[str, int]
CHUNK = 65536


@contextlib.contextmanager
def delayed(to: Callable[[str], Address], round_trip_s: float) -> Iterator[int]:
    """A port on all loopback addresses; `to` gives the target for the address that was dialled."""
    loop = asyncio.new_event_loop()
    started: list[asyncio.Server] = []
    ready = threading.Event()

    async def serve() -> None:
        async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            target = to(writer.get_extra_info("sockname")[0])
            await _both(reader, writer, target, round_trip_s / 2)

        started.append(await asyncio.start_server(passed, "0.0.0.0", 0, backlog=1000))
        ready.set()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(serve(), loop)
    ready.wait()
    try:
        yield int(started[0].sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(started[0].close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _both(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Address, late_s: float
) -> None:
    there, back = await asyncio.open_connection(*target)
    with contextlib.suppress(OSError):
        await asyncio.gather(_one_way(reader, back, late_s), _one_way(there, writer, late_s))


async def _one_way(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, late_s: float
) -> None:
    """Chunks in order, each as much later as the first."""
    loop = asyncio.get_running_loop()
    last = loop.time()
    while chunk := await reader.read(CHUNK):
        last = loop.call_later(late_s, _write, writer, chunk).when()
    loop.call_at(last + 0.001, writer.close)


def _write(writer: asyncio.StreamWriter, chunk: bytes) -> None:
    if not writer.is_closing():
        writer.write(chunk)
