"""Which hosts have answered in a look that is under way, for whoever waits for it.

It is a layer around the connections and changes nothing: every call is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from remediations.reach.connection import Completed, Connection, Reach
from remediations.render.formats import count_of, name_some
from remediations.values.login import Login

NAMED = 3
"""How many of the hosts that are waited for are named."""


class HostsHeard:
    """The hosts of one look, and how far each of them is."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._waiting = dict.fromkeys(hosts)
        self._answered: set[str] = set()
        self._silent: set[str] = set()

    def answered(self, host: str) -> None:
        """The host answered."""
        self._waiting.pop(host, None)
        self._silent.discard(host)
        self._answered.add(host)

    def silent(self, host: str) -> None:
        """The host could not be asked, or did not answer; it may be asked once more."""
        if host not in self._answered:
            self._waiting.pop(host, None)
            self._silent.add(host)

    @property
    def text(self) -> str:
        """`4 of 6 hosts answered; waiting for val3, val4`."""
        every = len(self._answered) + len(self._silent) + len(self._waiting)
        said = [f"{len(self._answered)} of {count_of(every, 'host')} answered"]
        said += [f"{name_some(sorted(self._silent), NAMED)} did not"] if self._silent else []
        if self._waiting:
            said.append(f"waiting for {name_some(list(self._waiting), NAMED)}")
        return "; ".join(said)


class HeardReach:
    """Passes everything on to a reach, and notes which hosts answer (the `Reach` protocol)."""

    def __init__(self, reach: Reach, heard: HostsHeard) -> None:
        self._reach = reach
        self._heard = heard

    async def connect(self, host: str) -> Connection:
        """The connection of the reach, heard."""
        try:
            return _HeardConnection(await self._reach.connect(host), self._heard)
        except BaseException:  # a time limit cancels
            self._heard.silent(host)
            raise

    async def login(self, host: str) -> Login:
        """That of the reach: it asks no host."""
        return await self._reach.login(host)


class _HeardConnection:
    def __init__(self, connection: Connection, heard: HostsHeard) -> None:
        self.host = connection.host
        self._connection = connection
        self._heard = heard

    async def run(
        self, command: str, *, stdin: bytes = b"", timeout_s: float, max_bytes: int = 4_000_000
    ) -> Completed:
        """That of the connection; a command that ends in time is an answer."""
        try:
            done = await self._connection.run(
                command, stdin=stdin, timeout_s=timeout_s, max_bytes=max_bytes
            )
        except BaseException:
            self._heard.silent(self.host)
            raise
        if done.timed_out:
            self._heard.silent(self.host)
        else:
            self._heard.answered(self.host)
        return done
