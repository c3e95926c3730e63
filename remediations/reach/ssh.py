"""Connections over asyncssh: strict host keys always, one shared connection to each hop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncssh
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from remediations.model.inventory import Inventory
from remediations.reach.connection import Completed, HostUnreachable
from remediations.reach.failures import explained
from remediations.reach.known_hosts import KnownHosts
from remediations.reach.settings import SshSettings, settings_of

CONNECT_LIMIT = 8
"""Below sshd's default MaxStartups of 10, of which a jump host takes all."""
CHANNEL_LIMIT = 8
"""Below sshd's default MaxSessions of 10 per connection."""
CONNECT_TIMEOUT_S = 10.0
ATTEMPTS = 4
KEEPALIVE_S = 5


class SshConnection:
    """One open connection (the `Connection` protocol)."""

    def __init__(self, host: str, connection: asyncssh.SSHClientConnection) -> None:
        self.host = host
        self._connection = connection
        self._channels = asyncio.Semaphore(CHANNEL_LIMIT)

    async def run(
        self, command: str, *, stdin: bytes = b"", timeout_s: float, max_bytes: int = 4_000_000
    ) -> Completed:
        """Run `command`; never raises on exit status.

        Raises:
            HostUnreachable: the connection was lost.
        """
        began = time.monotonic()
        async with self._channels:
            try:
                return await self._run(command, stdin, timeout_s, max_bytes, began)
            except (asyncssh.Error, OSError) as error:
                raise explained(self.host, self.host, error) from error

    async def _run(
        self, command: str, stdin: bytes, timeout_s: float, max_bytes: int, began: float
    ) -> Completed:
        process = await self._connection.create_process(command, encoding=None)
        out, err = _Bounded(max_bytes), _Bounded(max_bytes)

        def feed() -> None:
            # A command may end before it has read its input, or all of it: that is its own affair.
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(stdin)
                process.stdin.write_eof()

        timed_out = False
        try:
            async with asyncio.timeout(timeout_s):
                feed()
                await asyncio.gather(out.read(process.stdout), err.read(process.stderr))
                if not (out.truncated or err.truncated):
                    await process.wait_closed()
        except TimeoutError:
            timed_out = True
        finally:
            process.close()
        if not timed_out and self._connection.is_closed():
            raise asyncssh.ConnectionLost("connection lost")
        return Completed(
            exit_status=None if timed_out else process.exit_status,
            stdout=bytes(out.data),
            stderr=bytes(err.data),
            duration_ms=int((time.monotonic() - began) * 1000),
            truncated=out.truncated or err.truncated,
            timed_out=timed_out,
        )


class _Bounded:
    """Reads a stream up to a limit and stops there."""

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self.truncated = False
        self._limit = limit

    async def read(self, stream: asyncssh.SSHReader[bytes]) -> None:
        while chunk := await stream.read(65536):
            room = self._limit - len(self.data)
            self.data += chunk[:room]
            if len(chunk) > room:
                self.truncated = True
                return


class SshReach:
    """All connections of one command (the `Reach` protocol; an async context manager)."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._known = KnownHosts()
        self._limit = asyncio.Semaphore(CONNECT_LIMIT)
        self._hosts: dict[str, asyncio.Task[SshConnection]] = {}
        self._hops: dict[str, asyncio.Task[asyncssh.SSHClientConnection]] = {}
        self._open: list[asyncssh.SSHClientConnection] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for task in (*self._hosts.values(), *self._hops.values()):
            task.cancel()
        for connection in reversed(self._open):
            connection.close()

    async def connect(self, host: str) -> SshConnection:
        """The one connection to an inventory host.

        Raises:
            HostUnreachable: says which guard refused and what to do.
        """
        if host not in self._hosts:
            self._hosts[host] = asyncio.create_task(self._connect(host))
        return await asyncio.shield(self._hosts[host])

    def forget(self, host: str) -> None:
        """Let the next `connect` make a new connection, after this one was lost."""
        self._hosts.pop(host, None)
        self._hops.clear()

    async def _connect(self, host: str) -> SshConnection:
        alias = self._inventory.host(host).ssh
        return SshConnection(host, await self._dial(host, alias))

    async def _dial(self, host: str, alias: str) -> asyncssh.SSHClientConnection:
        """Connect to an alias of ssh_config, through its jump hosts."""
        settings = await settings_of(alias, self._inventory.ssh_config)
        tunnel = None
        for jump in settings.jumps:
            tunnel = await self._hop(host, jump)
        return await self._open_one(host, settings, tunnel)

    async def _hop(self, host: str, jump: str) -> asyncssh.SSHClientConnection:
        if jump not in self._hops:
            self._hops[jump] = asyncio.create_task(self._dial(host, jump))
        try:
            return await asyncio.shield(self._hops[jump])
        except HostUnreachable as error:
            self._hops.pop(jump, None)
            raise HostUnreachable(
                f"{host}: its jump host {jump} cannot be reached",
                guard=f"jump host: {error.guard}",
                got=error.got,
                expected=error.expected,
                next_step=error.next_step,
            ) from error

    async def _open_one(
        self, host: str, settings: SshSettings, tunnel: asyncssh.SSHClientConnection | None
    ) -> asyncssh.SSHClientConnection:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(0.2, max=2),
            retry=retry_if_exception_type((ConnectionResetError, asyncssh.ConnectionLost)),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    async with self._limit:
                        return await self._handshake(settings, tunnel)
        except (asyncssh.Error, OSError, ValueError) as error:
            raise explained(host, settings.alias, error, self._inventory.ssh_config) from error
        raise AssertionError("tenacity either returns or raises")

    async def _handshake(
        self, settings: SshSettings, tunnel: asyncssh.SSHClientConnection | None
    ) -> asyncssh.SSHClientConnection:
        agent = settings.agent or os.environ.get("SSH_AUTH_SOCK")
        connection = await asyncssh.connect(
            settings.hostname,
            settings.port,
            config=None,
            username=settings.user,
            tunnel=tunnel or (),
            proxy_command=settings.proxy_command or None,
            host_key_alias=settings.host_key_alias or None,
            known_hosts=self._known.of(settings.known_hosts),
            client_keys=[str(path) for path in settings.identities] or (),
            client_certs=[str(path) for path in settings.certificates],
            agent_path=agent,
            agent_identities=[f"{path}.pub" for path in settings.identities if _has_pub(path)]
            if settings.identities_only and agent
            else None,
            connect_timeout=CONNECT_TIMEOUT_S,
            login_timeout=CONNECT_TIMEOUT_S,
            keepalive_interval=KEEPALIVE_S,
            password_auth=False,
            kbdint_auth=False,
        )
        self._open.append(connection)
        return connection


def _has_pub(path: object) -> bool:
    return Path(f"{path}.pub").exists()
