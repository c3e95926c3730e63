"""`python -m tests.bench.scorer_server PORT`: answers each POST after SERVICE_S, as many at once as
come. It scores nothing: what is measured is the way to a service and back.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

SERVICE_S = 0.2
"""What a scoring service takes for one request."""
ANSWER = b'{"predictions": [0.25]}'
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
_REPLY = _HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if b"content-length:" in line)
        await reader.readexactly(int(length.partition(b":")[2]))
        await asyncio.sleep(SERVICE_S)
        writer.write(_REPLY)
        await writer.drain()
    writer.close()


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(_answer, "127.0.0.1", port, backlog=1000)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
