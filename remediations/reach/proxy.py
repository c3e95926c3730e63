"""ProxyCommand: a program whose standard input and output are the connection.

It is not started by asyncssh, which splits the words itself where OpenSSH uses a shell, and reads
the program's stderr as a part of the SSH protocol.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Self

from remediations.reach.background import kill_group

PROXY_END_S = 1.0
"""How long to wait for its last output after it was killed: a process that it started may have left
the group and still hold its stderr."""
SAID_LIMIT = 300
"""How many bytes of its last output are kept."""


class Proxy:
    """One running ProxyCommand. `socket` is our end of the connection."""

    def __init__(self, process: asyncio.subprocess.Process, ours: socket.socket) -> None:
        self.socket = ours
        self._process = process
        self._said = b""
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, command: str) -> Self:
        """Start `command` as OpenSSH does: with the user's shell and exec.

        Raises:
            OSError: there is no such shell.
        """
        shell = os.environ.get("SHELL") or "/bin/sh"
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                *(shell, "-c", f"exec {command}"),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is handled by us: a step may be running
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, ours)

    def end(self) -> None:
        """Kill it and all that it started in its process group."""
        kill_group(self._process)

    async def last_words(self) -> str:
        """Wait briefly for its end, and return the last that it wrote to stderr."""
        await asyncio.wait([self._listening], timeout=PROXY_END_S)
        self._listening.cancel()
        return self._said.decode(errors="replace").strip()

    async def _listen(self) -> None:
        if self._process.stderr is not None:
            while chunk := await self._process.stderr.read(4096):
                self._said = (self._said + chunk)[-SAID_LIMIT:]
