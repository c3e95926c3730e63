"""What all other code sees of a host: one shell command in, its result out.

The rules of the two protocols:

1. `connect` opens each host at most once; all callers get the same connection, or a new one if it
   was lost. A host key that known_hosts does not have is refused, always.
2. `run` never raises because of an exit status, a time limit or too much output: these are fields
   of `Completed`. It raises `HostUnreachable` if the connection is lost; then it is unknown whether
   the command ran.
3. A time limit ends our waiting, not the command: what runs on a host needs a `timeout` of its own.
4. `login` makes no connection, and never raises: a name that leads nowhere is a `Login` with its
   trouble.

The smallest implementation, for one host that echoes:

    class EchoConnection:
        host = "val1"

        async def run(
            self, command: str, *, stdin: bytes = b"", timeout_s: float, max_bytes: int = 4_000_000
        ) -> Completed:
            return Completed(
                exit_status=0, stdout=stdin[:max_bytes], stderr=b"", duration_ms=0,
                truncated=len(stdin) > max_bytes, timed_out=False,
            )

    class EchoReach:
        async def connect(self, host: str) -> Connection:
            if host != EchoConnection.host:
                raise HostUnreachable(
                    f"{host}: cannot connect", guard="DNS", got=host, expected="val1",
                    next_step="ssh val1 true",
                )
            return EchoConnection()

        async def login(self, host: str) -> Login:
            return Login(host=host, hops=(), trouble="an echo has no address")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from remediations.errors import Unreadable
from remediations.values.login import Login


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A finished remote command. `exit_status` is None after a signal or a time limit.

    `truncated`: there was more output than `max_bytes`, and the rest was dropped. `timed_out`: our
    time limit was reached; the command may still run, since closing a channel ends nothing there.
    """

    exit_status: int | None
    stdout: bytes
    stderr: bytes
    duration_ms: int
    truncated: bool
    timed_out: bool


class HostUnreachable(Unreadable):
    """There is no usable connection. `guard` says why: DNS, TCP, host key, authentication, …"""


class Connection(Protocol):
    """An open, authenticated connection to one host, whose key was checked strictly."""

    host: str

    async def run(
        self, command: str, *, stdin: bytes = b"", timeout_s: float, max_bytes: int = 4_000_000
    ) -> Completed:
        """Run `command` with the login shell's `sh -c` semantics; never raises on exit status.

        Raises:
            HostUnreachable: the connection was lost.
        """
        ...


class Reach(Protocol):
    """All connections of one command, by host."""

    async def connect(self, host: str) -> Connection:
        """The connection to the inventory host `host`.

        Raises:
            HostUnreachable: with the guard that refused, and what to do next.
        """
        ...

    async def login(self, host: str) -> Login:
        """Where the name of the inventory host `host` leads. Makes no connection."""
        ...
