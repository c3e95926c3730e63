"""ProxyCommand: a program whose standard input and output are the connection.

It is not started by asyncssh, which splits the words itself where OpenSSH uses a shell, and reads
the program's stderr as a part of the SSH protocol.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from typing import Self

from remediations.reach.background import kill_group

PROXY_END_S = 1.0
"""How long to wait for its last output after it was killed: a process that it started may have left
the group and still hold its stderr."""
SAID_LIMIT = 300
"""How many bytes of its last output are kept."""


class Proxy:
    """One running ProxyCommand. `socket` is our end of the connection."""

    def __init__(
        self, transport: asyncio.SubprocessTransport, stderr: _LastOutput, ours: socket.socket
    ) -> None:
        self.socket = ours
        self._transport = transport
        self._stderr = stderr

    @classmethod
    async def start(cls, command: str) -> Self:
        """Start `command` as OpenSSH does: with the user's shell and exec.

        Raises:
            OSError: there is no such shell.
        """
        shell = os.environ.get("SHELL") or "/bin/sh"
        ours, theirs = socket.socketpair()
        try:
            transport, stderr = await asyncio.get_running_loop().subprocess_exec(
                _LastOutput,
                *(shell, "-c", f"exec {command}"),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is handled by us: a step may be running
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(transport, stderr, ours)

    def end(self) -> None:
        """Kill it and all that it started in its process group."""
        process = self._transport.get_extra_info("subprocess")
        assert isinstance(process, subprocess.Popen)
        kill_group(process)

    async def last_words(self) -> str:
        """Wait briefly for its end, close its stderr, and return the last that it wrote there."""
        await asyncio.wait([self._stderr.ended], timeout=PROXY_END_S)
        self._transport.close()
        return self._stderr.said.decode(errors="replace").strip()


class _LastOutput(asyncio.SubprocessProtocol):
    """Keeps the end of what a program writes to stderr. `ended` is done when the program has ended
    and nobody holds its stderr any more."""

    def __init__(self) -> None:
        self.said = b""
        self.ended = asyncio.get_running_loop().create_future()

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - stderr alone
        """Keep the last `SAID_LIMIT` bytes."""
        self.said = (self.said + data)[-SAID_LIMIT:]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The program has ended, and its stderr is closed."""
        if not self.ended.done():
            self.ended.set_result(None)
