"""The same connections for code that does not await: one event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import TypeVar

from remediations.reach.connection import Completed, HostUnreachable
from remediations.reach.resolver import SshResolver
from remediations.reach.ssh import SshReach
from remediations.values.inventory import Inventory
from remediations.values.login import Login

T = TypeVar("T")


class BlockingReach:
    """Connections kept until `close`; usable from any thread."""

    def __init__(self, inventory: Inventory, resolver: SshResolver) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._reach = self._wait(self._make(inventory, resolver))

    def run(self, host: str, command: str, *, timeout_s: float) -> Completed:
        """Run one *read-only* command on an inventory host: it is repeated once on a new
        connection where the old one was lost. A refused connection is not tried again.

        Raises:
            HostUnreachable: it cannot be reached.
        """
        return self._wait(self._run(host, command, timeout_s))

    def login(self, host: str) -> Login:
        """Where the name of an inventory host leads. Contacts nobody."""
        return self._wait(self._reach.login(host))

    def close(self) -> None:
        """Close all connections and end the thread."""
        self._wait(self._reach.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _run(self, host: str, command: str, timeout_s: float) -> Completed:
        connection = await self._reach.connect(host)
        try:
            return await connection.run(command, timeout_s=timeout_s)
        except HostUnreachable:
            self._reach.forget(host, connection)
        renewed = await self._reach.connect(host)
        return await renewed.run(command, timeout_s=timeout_s)

    def _wait(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    @staticmethod
    async def _make(inventory: Inventory, resolver: SshResolver) -> SshReach:
        return SshReach(inventory, resolver)
