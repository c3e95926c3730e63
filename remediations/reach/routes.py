"""The way to a host: its jump hosts in order, then itself, each with its own settings."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from remediations.reach.connection import HostUnreachable
from remediations.reach.resolver import SshResolver
from remediations.reach.settings import SshSettings

Route = tuple[SshSettings, ...]
EVALUATIONS = 4
"""How many `ssh -G` run at once: each is a process."""


class Routes:
    """Ways, worked out before anything is dialled. Each name is evaluated once."""

    def __init__(self, resolver: SshResolver) -> None:
        self._resolver = resolver
        self._slots = asyncio.Semaphore(EVALUATIONS)
        self._known: dict[tuple[str, bool], asyncio.Task[SshSettings]] = {}

    async def to(self, alias: str) -> Route:
        """The way to a name of ssh_config.

        Raises:
            HostUnreachable: ssh_config cannot be used for it, or its jumps go in a circle.
        """
        return await self._to(alias, (), ())

    def pending(self) -> tuple[asyncio.Task[SshSettings], ...]:
        """What still runs, to be cancelled at the end."""
        return tuple(task for task in self._known.values() if not task.done())

    async def _to(self, target: str, via: tuple[str, ...], above: tuple[str, ...]) -> Route:
        """As OpenSSH nests `ssh -J VIA -W`: only the first hop of a chain has a way of its own."""
        if target in above:
            raise HostUnreachable(
                f"{above[0]}: cannot connect",
                guard="jump host: circle",
                got=" → ".join((*above, target)),
                expected="jump hosts that are reached without each other",
                next_step=f"give {target} `ProxyJump none` in ssh_config, above `Host *`",
            )
        settings = await self._settings(target, jump=bool(above))
        jumps = via or settings.jumps
        if not jumps:
            return (settings,)
        before = await self._to(jumps[-1], jumps[:-1], (*above, target))
        return (*before, replace(settings, proxy_command=""))

    async def _settings(self, target: str, *, jump: bool) -> SshSettings:
        if (target, jump) not in self._known:
            self._known[target, jump] = asyncio.create_task(self._evaluated(target, jump=jump))
        return await asyncio.shield(self._known[target, jump])

    async def _evaluated(self, target: str, *, jump: bool) -> SshSettings:
        async with self._slots:
            return await self._resolver.settings(target, jump=jump)
