"""What is known of a host before it is contacted: its settings, and its keys in known_hosts."""

from __future__ import annotations

from dataclasses import dataclass

from remediations.reach.connection import HostUnreachable
from remediations.reach.known_hosts import KnownHosts
from remediations.reach.login import SSH_PORT, known_keys
from remediations.reach.resolver import SshResolver
from remediations.values.inventory import HostEntry


@dataclass(frozen=True, kw_only=True)
class HostKeyStatus:
    """`address` is the name under which known_hosts would have its keys.

    `known` names the kinds of keys that known_hosts has, `revoked` how many it revokes.

    `trouble` says why neither could be told, "" otherwise. A key that known_hosts has under the
    host's number only is not seen here: the name is not resolved.
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
    """The door of one host. Contacts nobody; runs `ssh -G`."""
    try:
        settings = await resolver.settings(entry.ssh)
        plain, authorities, revoked, *_ = known_keys(settings, known)
    except HostUnreachable as error:
        return _shut(entry, f"{error.guard}: {error.got}")
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


def _shut(entry: HostEntry, trouble: str) -> HostKeyStatus:
    return HostKeyStatus(
        host=entry.name, address=entry.ssh, files=(), known=(), revoked=0, trouble=trouble
    )
