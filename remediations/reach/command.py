"""One open connection and its commands, which are bounded in time, bytes and number."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from remediations.reach.connection import Completed
from remediations.reach.failures import connection_refusal
from remediations.reach.settings import SshSettings
from remediations.reach.sshlib import asyncssh
from remediations.values.elapsed import elapsed_ms

log = logging.getLogger(__name__)
CHANNEL_LIMIT = 8
"""Below sshd's default MaxSessions of 10 per connection."""
CHUNK = 65536
DOUBT_S = 3.0
"""Seconds after which a running command puts its connection in doubt: from then on keepalives are
sent often. A host or a hop may vanish silently (power, a firewall), and writing still succeeds."""
ASK_S = 1.0
ASKED = 3
"""Interval and number of these keepalives. sshd answers them itself, whatever the command does."""


class SshConnection:
    """One open connection (the `Connection` protocol).

    `way` holds the connections to its jump hosts, in order, and last the host's own.
    """

    def __init__(
        self, host: str, settings: SshSettings, way: tuple[asyncssh.SSHClientConnection, ...]
    ) -> None:
        self.host = host
        self._settings = settings
        self._way = way
        self._connection = way[-1]
        self._channels = asyncio.Semaphore(CHANNEL_LIMIT)

    async def run(
        self, command: str, *, stdin: bytes = b"", timeout_s: float, max_bytes: int = 4_000_000
    ) -> Completed:
        """Run `command`; never raises on exit status.

        `timeout_s` counts from when a channel is free; `max_bytes` holds for each stream.

        Raises:
            HostUnreachable: the connection was lost.
        """
        async with self._channels:
            try:
                done = await self._run(command, stdin, timeout_s, max_bytes)
            except (asyncssh.Error, OSError) as error:
                log.info("%s: lost while a command ran: %s", self.host, error)
                cause = asyncssh.ConnectionLost(str(error)) if self.is_closed() else error
                raise connection_refusal(self.host, self._settings, cause) from error
        self._tell(done, len(command), len(stdin), timeout_s)
        return done

    def is_closed(self) -> bool:
        """Whether it or a hop was lost or closed, so that every further command would fail."""
        return any(connection.is_closed() for connection in self._way)

    def _tell(self, done: Completed, command: int, stdin: int, timeout_s: float) -> None:
        """Log sizes only: the text, input and output of a command may be secret."""
        log.debug(
            "%s: a command of %d bytes with %d of input: %s after %d ms, %d bytes out, %d err%s",
            *(self.host, command, stdin),
            "no exit status" if done.exit_status is None else f"exit {done.exit_status}",
            *(done.duration_ms, len(done.stdout), len(done.stderr)),
            ", and more that was dropped" if done.truncated else "",
        )
        if done.timed_out:
            log.info("%s: the time limit of %.1f s ended a command", self.host, timeout_s)

    def _doubt(self) -> None:
        """Send keepalives to the hops and the host often; silence ends the connection."""
        log.info(
            "%s: a command takes longer than %.0f s: checking the connection", self.host, DOUBT_S
        )
        for connection in self._way:
            connection.set_keepalive(ASK_S, ASKED)

    async def _run(self, command: str, stdin: bytes, timeout_s: float, max_bytes: int) -> Completed:
        began = time.monotonic()
        doubt = asyncio.get_running_loop().call_later(DOUBT_S, self._doubt)
        out, err = _BoundedOutput(max_bytes), _BoundedOutput(max_bytes)
        process: asyncssh.SSHClientProcess[bytes] | None = None
        timed_out = False
        try:
            async with asyncio.timeout(timeout_s):
                process = await self._connection.create_process(command, encoding=None)
                _feed(process, stdin)
                await _read_both(process, out, err)
        except TimeoutError:
            timed_out = True
        finally:
            doubt.cancel()
            if process:
                process.close()
        status = process.exit_status if process and not timed_out else None
        if process and process.exit_signal:
            status = None
        elif status is None and not timed_out and self.is_closed():
            raise asyncssh.ConnectionLost("connection lost before the command ended")
        return Completed(
            exit_status=status,
            stdout=bytes(out.data),
            stderr=bytes(err.data),
            duration_ms=elapsed_ms(began),
            truncated=out.truncated or err.truncated,
            timed_out=timed_out,
        )


class _BoundedOutput:
    """Reads a stream up to a limit."""

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self.truncated = False
        self._limit = limit

    async def read(self, stream: asyncssh.SSHReader[bytes]) -> None:
        """Read to the end.

        Raises:
            _TooMuchError: there is more than the limit.
        """
        while chunk := await stream.read(CHUNK):
            room = self._limit - len(self.data)
            self.data += chunk[:room]
            if len(chunk) > room:
                self.truncated = True
                raise _TooMuchError


class _TooMuchError(Exception):
    """Ends the reading of both streams, because the other one may never end by itself."""


def _feed(process: asyncssh.SSHClientProcess[bytes], stdin: bytes) -> None:
    # A command may end before it has read all of its input.
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(stdin)
        process.stdin.write_eof()


async def _read_both(
    process: asyncssh.SSHClientProcess[bytes], out: _BoundedOutput, err: _BoundedOutput
) -> None:
    """Read both streams to the end, or until one exceeds its limit."""
    readers = [
        asyncio.create_task(out.read(process.stdout)),
        asyncio.create_task(err.read(process.stderr)),
    ]
    try:
        await asyncio.gather(*readers)
        await process.wait_closed()
    except _TooMuchError:
        return
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
