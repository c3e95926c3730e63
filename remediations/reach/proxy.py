"""ProxyCommand: a program whose standard input and output are the connection.

Started by us and not by asyncssh, which splits the words itself where OpenSSH asks a shell, and
takes what the program says on stderr for a part of the SSH conversation.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Self

from remediations.reach.background import kill_group

PROXY_END_S = 1.0
"""How long it may take to say its last words once it was killed: what it started may have left the
group, and holds its stderr."""
SAID_LIMIT = 300
"""How many bytes of its last words are kept."""


class Proxy:
    """One running ProxyCommand; `socket` is our end of it."""

    def __init__(self, process: asyncio.subprocess.Process, ours: socket.socket) -> None:
        self.socket = ours
        self._process = process
        self._said = b""
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, command: str) -> Self:
        """Start `command` as OpenSSH does: by the user's own shell, with exec.

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
                start_new_session=True,  # Ctrl-C is ours to handle: a step may be under way
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, ours)

    def end(self) -> None:
        """Kill it with whatever it started, all but what made itself independent."""
        kill_group(self._process)

    async def last_words(self) -> str:
        """Wait a moment until it ended, and tell what it said on stderr in the end."""
        await asyncio.wait([self._listening], timeout=PROXY_END_S)
        self._listening.cancel()
        return self._said.decode(errors="replace").strip()

    async def _listen(self) -> None:
        if self._process.stderr is not None:
            while chunk := await self._process.stderr.read(4096):
                self._said = (self._said + chunk)[-SAID_LIMIT:]
