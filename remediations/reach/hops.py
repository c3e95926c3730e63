"""What a plan pins of one machine on the way to a host (`remediations.values.login`)."""

from __future__ import annotations

import asyncssh

from remediations.reach.known_hosts import KnownHosts
from remediations.reach.login import known_keys
from remediations.reach.settings import SshSettings
from remediations.values.login import Hop


def hop_of(settings: SshSettings, known: KnownHosts) -> Hop:
    """The machine that these settings lead to, with the keys that it may show.

    Raises:
        HostUnreachable: a known_hosts file cannot be read.
    """
    plain, authorities, revoked, *_ = known_keys(settings, known)
    # Of an authority's certificates those for this name are accepted, wherever HostName leads.
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
