"""Where a name leads, before any host is contacted.

The route to a host (its jump hosts in order, then the host itself, each with its own settings),
what a plan pins of each machine on it, and which keys known_hosts has for it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from remediations.reach.connection import HostUnreachable
from remediations.reach.known_hosts import KnownHosts
from remediations.reach.login import SSH_PORT, known_keys
from remediations.reach.resolver import SshResolver
from remediations.reach.settings import SshSettings
from remediations.reach.sshlib import asyncssh
from remediations.values.inventory import HostEntry
from remediations.values.login import Hop

Route = tuple[SshSettings, ...]
EVALUATIONS = 4
"""How many `ssh -G` run at the same time: each is a process."""


def hop_of(settings: SshSettings, known: KnownHosts) -> Hop:
    """What a plan pins of the machine that these settings lead to: address, user, allowed keys.

    Raises:
        HostUnreachable: a known_hosts file cannot be read.
    """
    plain, authorities, revoked, *_ = known_keys(settings, known)
    # A certificate has to name the HostKeyAlias, whatever HostName is.
    name = f" as {settings.host_key_alias}" if settings.host_key_alias else ""
    return Hop(
        hostname=settings.hostname,
        port=settings.port,
        user=settings.user,
        proxy_command=settings.proxy_command,
        host_keys=tuple(
            sorted(
                {
                    *_named(plain),
                    *(f"{key}{name}" for key in _named(authorities, "@cert-authority ")),
                    *_named(revoked, "@revoked "),
                }
            )
        ),
    )


def _named(keys: list[asyncssh.SSHKey], marker: str = "") -> list[str]:
    return [f"{marker}{key.get_algorithm()} {key.get_fingerprint()}" for key in keys]


class Routes:
    """Routes, resolved before any connection is made. Each name is evaluated once."""

    def __init__(self, resolver: SshResolver) -> None:
        self._resolver = resolver
        self._slots = asyncio.Semaphore(EVALUATIONS)
        self._known: dict[tuple[str, bool], asyncio.Task[SshSettings]] = {}

    async def to(self, alias: str) -> Route:
        """The route to a name of ssh_config.

        Raises:
            HostUnreachable: ssh_config cannot be used for it, or its jump hosts form a circle.
        """
        return await self._to(alias, (), ())

    def pending(self) -> tuple[asyncio.Task[SshSettings], ...]:
        """Evaluations that are still running, to be cancelled at the end."""
        return tuple(task for task in self._known.values() if not task.done())

    async def _to(self, target: str, via: tuple[str, ...], above: tuple[str, ...]) -> Route:
        """Like OpenSSH's nested `ssh -J VIA -W`: only the first hop of a chain may use a
        ProxyCommand or jump hosts of its own."""
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


@dataclass(frozen=True, kw_only=True)
class HostKeyStatus:
    """What known_hosts has for one host.

    `address` is the name under which it is looked up, `known` the types of the keys that are there,
    `revoked` the number of revoked ones. `trouble` says why neither is known, "" otherwise. A key
    that is listed under the IP address only is not found here: the name is not resolved.
    """

    host: str
    address: str
    files: tuple[str, ...]
    known: tuple[str, ...]
    revoked: int
    trouble: str


async def host_key_status(
    entry: HostEntry, resolver: SshResolver, known: KnownHosts
) -> HostKeyStatus:
    """The status of one host's key. Makes no connection; runs `ssh -G`."""
    try:
        settings = await resolver.settings(entry.ssh)
        plain, authorities, revoked, *_ = known_keys(settings, known)
    except HostUnreachable as error:
        return _unknown_status(entry, f"{error.guard}: {error.got}")
    address = settings.host_key_alias or settings.hostname
    if not settings.host_key_alias and settings.port != SSH_PORT:
        address = f"[{address}]:{settings.port}"
    kinds = [key.get_algorithm() for key in plain]
    kinds += [f"@cert-authority {key.get_algorithm()}" for key in authorities]
    return HostKeyStatus(
        host=entry.name,
        address=address,
        files=tuple(str(path) for path in settings.known_hosts),
        known=tuple(kinds),
        revoked=len(revoked),
        trouble="",
    )


def _unknown_status(entry: HostEntry, trouble: str) -> HostKeyStatus:
    return HostKeyStatus(
        host=entry.name, address=entry.ssh, files=(), known=(), revoked=0, trouble=trouble
    )
