"""What a deploy may not do while it is compiled; noticed even if the deploy swallows errors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

FORBIDDEN_EVENTS = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.system",
        "pty.spawn",
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.sendto",
        "subprocess.Popen",
    }
)
"""Python's audit events for everything that leaves this process."""


class Rejected(BaseException):
    """The deploy did something that cannot be compiled. Not an `Exception`: deploys catch those."""


class Seal:
    """Watches one compilation. The first offence counts, even if the deploy catches it.

    `host` is the host for which the body runs, "" in between; `offence` is what the deploy did, or
    None.
    """

    def __init__(self) -> None:
        self.host = ""
        self.offence: str | None = None

    def refuse(self, did: str) -> NoReturn:
        """Record the offence and end the deploy.

        Raises:
            Rejected: always.
        """
        self.offence = self.offence or did
        raise Rejected(did)

    @contextmanager
    def on(self, host: str) -> Iterator[None]:
        """Surrounds the body for `host`. An offence that the body swallowed is raised at its end.

        Raises:
            Rejected: there was an offence.
        """
        self.host = host
        yield
        if self.offence is not None:
            raise Rejected(self.offence)
        self.host = ""


_active: list[Seal] = []


def activate(seal: Seal) -> None:
    """Make the audit hook report to `seal`. The hook itself cannot be removed again."""
    if not _active:
        sys.addaudithook(_audit)
    _active[:] = [seal]


def _audit(event: str, _: tuple[object, ...]) -> None:
    if event in FORBIDDEN_EVENTS and _active and _active[0].host:
        _active[0].refuse(f"leaves the process ({event})")
