"""Connections for synchronous code: one event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from remediations.reach.connection import Completed, HostUnreachable
from remediations.reach.resolver import SshResolver
from remediations.reach.ssh import SshReach
from remediations.values.inventory import Inventory
from remediations.values.login import Login

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_BYTES = 4_000_000
"""The limit for each stream of one command."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one host may use when all hosts are asked: seconds for the command, seconds including
    the login, and bytes of each stream."""

    command_s: float
    host_s: float
    max_bytes: int


class BlockingReach:
    """Connections that are kept until `close`. Can be used from any thread."""

    def __init__(self, inventory: Inventory, resolver: SshResolver) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._beside: list[Future[None]] = []
        self._reach = self._wait(self._make(inventory, resolver))

    def run(self, host: str, command: str, *, timeout_s: float) -> Completed:
        """Run one *read-only* command on an inventory host. If the connection is lost, it is
        repeated once on a new one. A refused connection is not tried again.

        Raises:
            HostUnreachable: it cannot be reached.
        """
        return self._wait(self._run(host, command, timeout_s=timeout_s))

    def run_on_all(
        self, command: str, stdin: Mapping[str, bytes], *, limits: Limits
    ) -> Mapping[str, Completed | HostUnreachable]:
        """Run one *read-only* command on all hosts in `stdin` at the same time, each with its own
        input. The result of a host that cannot be reached is the error, as a value.
        """
        return self._wait(self._run_on_all(command, stdin, limits))

    def ask_beside(
        self,
        command: str,
        stdin: Mapping[str, bytes],
        *,
        limits: Limits,
        heard: Callable[[Mapping[str, Completed | HostUnreachable]], None],
    ) -> None:
        """The same, concurrently with the questions of others: returns at once. `heard` is given
        the answers in the thread of the connections, and must return at once, too; where they are
        closed before, it is never called. What it raises is logged, and stays here.
        """

        async def ask() -> None:
            try:
                heard(await self._run_on_all(command, stdin, limits))
            except Exception as error:  # noqa: BLE001 - nobody waits for it
                log.info("a question on the side: %s: %s", type(error).__name__, error)

        self._beside.append(asyncio.run_coroutine_threadsafe(ask(), self._loop))

    def login(self, host: str) -> Login:
        """Where the name of an inventory host leads. Makes no connection."""
        return self._wait(self._reach.login(host))

    def close(self) -> None:
        """Close all connections and end the thread. Questions on the side are not waited for."""
        for asked in self._beside:
            asked.cancel()
        self._wait(self._reach.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _run_on_all(
        self, command: str, stdin: Mapping[str, bytes], limits: Limits
    ) -> Mapping[str, Completed | HostUnreachable]:
        asked = (self._answer(host, command, text, limits) for host, text in stdin.items())
        return dict(zip(stdin, await asyncio.gather(*asked), strict=True))

    async def _answer(
        self, host: str, command: str, stdin: bytes, limits: Limits
    ) -> Completed | HostUnreachable:
        try:
            async with asyncio.timeout(limits.host_s):
                return await self._run(
                    host,
                    command,
                    stdin=stdin,
                    timeout_s=limits.command_s,
                    max_bytes=limits.max_bytes,
                )
        except HostUnreachable as error:
            return error
        except TimeoutError:
            return HostUnreachable(
                f"{host}: no connection and answer within {limits.host_s:.0f} s",
                guard="time limit",
                got="silence",
                expected="a login and an answer",
                next_step=f"ssh {host} true",
            )

    async def _run(
        self,
        host: str,
        command: str,
        *,
        timeout_s: float,
        stdin: bytes = b"",
        max_bytes: int = MAX_BYTES,
    ) -> Completed:
        connection = await self._reach.connect(host)
        try:
            return await connection.run(
                command, stdin=stdin, timeout_s=timeout_s, max_bytes=max_bytes
            )
        except HostUnreachable:
            self._reach.forget(host, connection)
        renewed = await self._reach.connect(host)
        return await renewed.run(command, stdin=stdin, timeout_s=timeout_s, max_bytes=max_bytes)

    def _wait(self, work: Coroutine[object, object, T]) -> T:
        """The result of `work`, which is cancelled if this thread is interrupted."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        finally:
            future.cancel()

    @staticmethod
    async def _make(inventory: Inventory, resolver: SshResolver) -> SshReach:
        return SshReach(inventory, resolver)
