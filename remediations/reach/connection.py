"""What every other room sees of a host: one shell command in, its result out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from remediations.errors import Unreadable
from remediations.values.login import Login


@dataclass(frozen=True, kw_only=True)
class Completed:
    """One finished remote command. `exit_status` is None after a signal or a time limit.

    `truncated`: more came than `max_bytes`; the rest was dropped. `timed_out`: our limit struck;
    the remote side is bounded by its own `timeout`: cancelling a channel ends nothing there.
    """

    exit_status: int | None
    stdout: bytes
    stderr: bytes
    duration_ms: int
    truncated: bool
    timed_out: bool


class HostUnreachable(Unreadable):
    """No usable connection: DNS, TCP, host key, authentication, jump host or time. Says which."""


class Connection(Protocol):
    """An open, authenticated, strictly host-key-checked connection to one host."""

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
    """Opens each host at most once and closes everything at the end (an async context manager)."""

    async def connect(self, host: str) -> Connection:
        """The one connection to the inventory host `host`.

        Raises:
            HostUnreachable: with the guard that refused and what to do next.
        """
        ...

    async def login(self, host: str) -> Login:
        """Where the name of the inventory host `host` leads. Contacts nobody."""
        ...
