"""All connections of one command: each host once, each hop once, few at a time."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self, TypeVar

import asyncssh
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from remediations.model.inventory import Inventory
from remediations.reach.command import SshConnection
from remediations.reach.connection import HostUnreachable
from remediations.reach.failures import DROPPED, explained
from remediations.reach.login import OwnFiles, log_in
from remediations.reach.routes import Route, Routes

T = TypeVar("T")
CONNECT_LIMIT = 8
"""Below sshd's default MaxStartups of 10, of which a jump host takes all."""
ATTEMPTS = 4
CLOSE_TIMEOUT_S = 2.0


class SshReach:
    """All connections of one command (the `Reach` protocol; an async context manager)."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._own = OwnFiles()
        self._routes = Routes(inventory.ssh_config)
        self._limit = asyncio.Semaphore(CONNECT_LIMIT)
        self._hosts: dict[str, asyncio.Task[SshConnection]] = {}
        self._hops: dict[tuple[str, ...], asyncio.Task[asyncssh.SSHClientConnection]] = {}
        self._open: list[asyncssh.SSHClientConnection] = []

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
        """The one connection to an inventory host.

        Raises:
            HostUnreachable: says which guard refused and what to do.
        """
        if host not in self._hosts:
            self._hosts[host] = asyncio.create_task(self._connect(host))
        return await asyncio.shield(self._hosts[host])

    def forget(self, host: str, lost: SshConnection | None = None) -> None:
        """Let the next `connect` make a new connection, after this one was lost.

        With `lost`, only while that is still the one: another may have replaced it already.
        """
        task = self._hosts.get(host)
        if task and (lost is None or (_is_done(task) and task.result() is lost)):
            del self._hosts[host]

    async def _connect(self, host: str) -> SshConnection:
        route = await self._routes.to(self._inventory.host(host).ssh)
        return SshConnection(host, route[-1], await self._dial(host, route))

    async def _dial(self, host: str, route: Route) -> asyncssh.SSHClientConnection:
        """Connect to the end of a route, through its hops. Only what was dropped is repeated."""
        tunnel = await self._hop(host, route[:-1]) if len(route) > 1 else None
        settings, behind = route[-1], route[-2].alias if tunnel else ""
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(0.2, max=2),
            retry=retry_if_exception_type(DROPPED),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    async with self._limit:
                        connection = await log_in(host, settings, self._own, tunnel, behind)
                        self._open.append(connection)
                        return connection
        except DROPPED as error:
            raise explained(host, settings, error, behind=behind) from error
        raise AssertionError("tenacity either returns or raises")

    async def _hop(self, host: str, route: Route) -> asyncssh.SSHClientConnection:
        """The shared connection to a jump host; a new one where the last failed or was lost."""
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


def _is_lost(task: asyncio.Task[asyncssh.SSHClientConnection]) -> bool:
    return task.done() and not (_is_done(task) and not task.result().is_closed())


def _is_done(task: asyncio.Task[T]) -> bool:
    """Whether it came to a result."""
    return task.done() and not task.cancelled() and task.exception() is None
