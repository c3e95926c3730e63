"""All connections of one command: each host once, each hop once, few logins at a time.

A lost connection is never returned again: `connect` makes a new one, and a new connection to the
jump host if that was lost. Callers do not have to handle this.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from remediations.reach.command import SshConnection
from remediations.reach.connection import HostUnreachable
from remediations.reach.failures import DROPPED, connection_refusal
from remediations.reach.login import LoginResources, log_in
from remediations.reach.resolver import SshResolver
from remediations.reach.routes import Route, Routes, hop_of
from remediations.reach.settings import SshSettings
from remediations.reach.sshlib import asyncssh
from remediations.values.elapsed import elapsed_ms
from remediations.values.inventory import Inventory
from remediations.values.login import Login

log = logging.getLogger(__name__)
T = TypeVar("T")
LOGINS = 32
"""Concurrent logins to all hosts: each takes about 15 ms of CPU here, and all must end within the
time limit of a single one."""
LOGINS_AT_ONE = 8
"""Concurrent logins to one sshd, below its default MaxStartups of 10: several names may lead to one
sshd, and ProxyCommands may all go through one bastion. There is one login to a jump host, however
many hosts are behind it."""
ATTEMPTS = 4
CLOSE_TIMEOUT_S = 2.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 8.0
"""Seconds before a host is dialled again after a failure, doubled each time: it may be booting, and
it may count the logins that it refuses."""

Way = tuple[asyncssh.SSHClientConnection, ...]
"""The connections on the route to a host, hop by hop; the last one is the host's own."""


class SshReach:
    """All connections of one command (the `Reach` protocol; an async context manager)."""

    def __init__(self, inventory: Inventory, resolver: SshResolver) -> None:
        self._inventory = inventory
        self._own = LoginResources()
        self._routes = Routes(resolver)
        self._logins = asyncio.Semaphore(LOGINS)
        self._at: dict[Hashable, asyncio.Semaphore] = {}
        self._hosts: dict[str, asyncio.Task[SshConnection]] = {}
        self._hops: dict[tuple[str, ...], asyncio.Task[Way]] = {}
        self._open: list[asyncssh.SSHClientConnection] = []
        self._pauses: dict[str, _Pause] = {}

    @property
    def inventory(self) -> Inventory:
        """Whose machines these are. A driver of what is no host finds its own section there."""
        return self._inventory

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        tasks = (*self._hosts.values(), *self._hops.values(), *self._routes.pending())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in reversed(self._open):
            connection.close()
        closing = [asyncio.ensure_future(one.wait_closed()) for one in self._open]
        if closing:
            await asyncio.wait(closing, timeout=CLOSE_TIMEOUT_S)
        await self._own.close()

    async def connect(self, host: str) -> SshConnection:
        """The connection to an inventory host; a new one if it was lost.

        Raises:
            HostUnreachable: names the guard, and what to do. All callers get it for a while before
                the host is dialled again.
        """
        for _ in range(ATTEMPTS):
            connection = await asyncio.shield(self._connecting(host))
            if not connection.is_closed():  # else it was lost before this caller had its turn
                break
        return connection

    def _connecting(self, host: str) -> asyncio.Task[SshConnection]:
        """The shared task that connects to a host; a new one if what the last one gave is over."""
        task = self._hosts.get(host)
        if task is None or self._is_over(host, task):
            if task is not None:
                log.info("%s: connecting again", host)
            task = self._hosts[host] = asyncio.create_task(self._connect(host))
        return task

    async def login(self, host: str) -> Login:
        """Where the name of an inventory host leads. Makes no connection; runs `ssh -G`."""
        try:
            route = await self._routes.to(self._inventory.host(host).ssh)
            hops = tuple(hop_of(settings, self._own.known_hosts) for settings in route)
        except HostUnreachable as error:
            return Login(host=host, hops=(), trouble=f"{error.guard}: {error.got}")
        return Login(host=host, hops=hops)

    def forget(self, host: str, lost: SshConnection | None = None) -> None:
        """Make the next `connect` open a new connection, although this one seems to be open.

        With `lost`, only if that is still the current one: it may have been replaced already.
        """
        task = self._hosts.get(host)
        if task and (lost is None or (_is_done(task) and task.result() is lost)):
            del self._hosts[host]

    def _is_over(self, host: str, task: asyncio.Task[SshConnection]) -> bool:
        """Whether the result of this task can no longer be used."""
        if not task.done():
            return False
        if _is_done(task):
            return task.result().is_closed()
        return host not in self._pauses or self._pauses[host].is_over()

    async def _connect(self, host: str) -> SshConnection:
        began = time.monotonic()
        try:
            route = await self._routes.to(self._inventory.host(host).ssh)
            connection = SshConnection(host, route[-1], await self._dial(host, route))
        except HostUnreachable as error:
            pause = self._pauses[host] = _after(self._pauses.get(host))
            log.info(
                "%s: not connected after %d ms, for at least %.0f s: %s: %s",
                *(host, elapsed_ms(began), pause.length_s, error.guard, error.got),
            )
            raise
        self._pauses.pop(host, None)
        log.info("%s: connected after %d ms, hops: %d", host, elapsed_ms(began), len(route) - 1)
        return connection

    async def _dial(self, host: str, route: Route) -> Way:
        """Connect to the end of a route, through its hops. Only dropped attempts are repeated."""
        settings, behind = route[-1], route[-2].alias if len(route) > 1 else ""
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(0.2, max=2),
            retry=retry_if_exception_type(DROPPED),
            before_sleep=_dropped(settings.alias),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    # Inside the attempt, because the hop may be what was dropped.
                    hops = await self._hop(host, route[:-1]) if behind else ()
                    async with self._at_one(settings, behind), self._logins:
                        return *hops, await self._log_in(host, settings, hops, behind)
        except DROPPED as error:
            raise connection_refusal(host, settings, error, behind=behind) from error
        raise AssertionError("tenacity either returns or raises")

    def _at_one(self, settings: SshSettings, behind: str) -> asyncio.Semaphore:
        """The limit of concurrent logins for the sshd that counts this one."""
        place = (
            "ProxyCommand" if settings.proxy_command else (behind, settings.hostname, settings.port)
        )
        return self._at.setdefault(place, asyncio.Semaphore(LOGINS_AT_ONE))

    async def _log_in(
        self, host: str, settings: SshSettings, hops: Way, behind: str
    ) -> asyncssh.SSHClientConnection:
        began = time.monotonic()
        try:
            tunnel = hops[-1] if hops else None
            connection = await log_in(host, settings, self._own, tunnel, behind)
        except HostUnreachable as error:
            if any(hop.is_closed() for hop in hops):
                raise asyncssh.ConnectionLost(f"the jump host was lost: {error.got}") from error
            raise
        log.info(
            "%s: logged in as %s at %s port %d %s in %d ms",
            *(settings.alias, settings.user, settings.hostname, settings.port),
            *(f"behind {behind}" if behind else "directly", elapsed_ms(began)),
        )
        self._open = [*(one for one in self._open if not one.is_closed()), connection]
        return connection

    async def _hop(self, host: str, route: Route) -> Way:
        """The shared connections to a jump host; new ones if the last failed or were lost."""
        key = tuple(settings.alias for settings in route)
        task = self._hops.get(key)
        if task is None or _is_lost(task):
            task = self._hops[key] = asyncio.create_task(self._dial(host, route))
        try:
            return await asyncio.shield(task)
        except HostUnreachable as error:
            raise HostUnreachable(
                f"{host}: its jump host {key[-1]} cannot be reached",
                guard=f"jump host: {error.guard.removeprefix('jump host: ')}",
                got=error.got,
                expected=error.expected,
                next_step=error.next_step,
            ) from error


class _Pause(NamedTuple):
    """The pause after a failure: its length in seconds, and its end on the monotonic clock."""

    length_s: float
    end: float

    def is_over(self) -> bool:
        """Whether the host may be dialled again."""
        return time.monotonic() >= self.end


def _dropped(alias: str) -> Callable[[RetryCallState], None]:
    """A callback that logs an attempt which will be repeated."""

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.info("%s: attempt %d was dropped: %s", alias, state.attempt_number, error)

    return tell


def _after(last: _Pause | None) -> _Pause:
    """The pause after one more failure."""
    length_s = FIRST_PAUSE_S if last is None else min(LONGEST_PAUSE_S, 2 * last.length_s)
    return _Pause(length_s, time.monotonic() + length_s)


def _is_lost(task: asyncio.Task[Way]) -> bool:
    if not task.done():
        return False
    return not _is_done(task) or any(connection.is_closed() for connection in task.result())


def _is_done(task: asyncio.Task[T]) -> bool:
    """Whether it has a result."""
    return task.done() and not task.cancelled() and task.exception() is None
