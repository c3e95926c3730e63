"""One login over asyncssh, with the settings from OpenSSH. Host keys are always checked
strictly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from remediations.reach.connection import HostUnreachable
from remediations.reach.failures import DROPPED, connection_refusal, is_login_refused
from remediations.reach.keys import Credentials, KeyFiles, load_credentials
from remediations.reach.known_hosts import KnownHosts, Matched
from remediations.reach.proxy import Proxy
from remediations.reach.settings import SshSettings
from remediations.reach.sshlib import asyncssh

log = logging.getLogger(__name__)
LOGIN_TIMEOUT_S = 10.0
KEEPALIVE_S = 5
KEEPALIVE_COUNT = 3
SSH_PORT = 22


class _Client(asyncssh.SSHClient):
    """Offers the keys in our order, once, and remembers a host key that was not known."""

    def __init__(self, keys: Credentials) -> None:
        self.shown: asyncssh.SSHKey | None = None
        self.proxy: Proxy | None = None
        self._keys = list(keys.pairs)

    def validate_host_public_key(
        self,
        host: str,  # noqa: ARG002
        addr: str,  # noqa: ARG002
        port: int,  # noqa: ARG002
        key: asyncssh.SSHKey,
    ) -> bool:
        """Refuse: asyncssh asks only about a key that known_hosts does not have."""
        self.shown = key
        return False

    validate_host_ca_key = validate_host_public_key

    def public_key_auth_requested(self) -> list[asyncssh.SSHKeyPair]:
        """All keys at the first call, none after that."""
        keys, self._keys = self._keys, []
        return keys

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """End the ProxyCommand that carried the connection."""
        if self.proxy is not None:
            self.proxy.end()


def known_keys(settings: SshSettings, known: KnownHosts) -> Matched:
    """What known_hosts has for a host, by its HostKeyAlias, or else by name and port.

    Raises:
        HostUnreachable: a file exists and cannot be read, or others could have written it.
    """
    try:
        keys = known.of(settings.known_hosts)
    except OSError as error:
        raise HostUnreachable(
            f"{settings.alias}: cannot connect",
            guard="known_hosts",
            got=str(error),
            expected="a file that can be read: it might revoke a key",
            next_step=f"ls -l {error.filename}",
        ) from error
    except HostUnreachable as error:
        raise HostUnreachable(
            f"{settings.alias}: cannot connect",
            guard="known_hosts",
            got=f"{error.what}: {error.got}",
            expected=f"{error.expected}: it decides which hosts are trusted",
            next_step=error.next_step,
        ) from error
    name, port = settings.host_key_alias or settings.hostname, None
    if not settings.host_key_alias and settings.port != SSH_PORT:
        port = settings.port
    plain, authorities, revoked, *_ = keys.match(name, "", port)
    large = settings.transport.accepts
    return list(filter(large, plain)), list(filter(large, authorities)), revoked, (), (), (), ()


@dataclass(frozen=True)
class LoginResources:
    """What all logins share: caches of files, and the ProxyCommands that were started."""

    known_hosts: KnownHosts = field(default_factory=KnownHosts)
    keys: KeyFiles = field(default_factory=KeyFiles)
    proxies: list[Proxy] = field(default_factory=list)

    async def close(self) -> None:
        """End the programs, and wait for them briefly."""
        for proxy in self.proxies:
            proxy.end()
        await asyncio.gather(*(proxy.last_words() for proxy in self.proxies))


async def log_in(
    host: str,
    settings: SshSettings,
    own: LoginResources,
    tunnel: asyncssh.SSHClientConnection | None,
    behind: str,
) -> asyncssh.SSHClientConnection:
    """An authenticated connection, through `tunnel` to the jump host `behind` if there is one.

    Raises:
        HostUnreachable: it was refused; names the guard.
        OSError, asyncssh.ConnectionLost: one of `DROPPED`, which may be tried again.
    """
    trusted = known_keys(settings, own.known_hosts)
    async with _agent(settings) as agent:
        try:
            async with asyncio.timeout(LOGIN_TIMEOUT_S):
                keys = await load_credentials(settings, agent, own.keys)
        except TimeoutError as error:
            said = f"the agent {settings.agent} does not answer"
            raise connection_refusal(host, settings, error, said=said, behind=behind) from error
        log.debug(
            "%s: %d keys to offer, %d passed over, %d host keys known",
            *(settings.alias, len(keys.pairs), len(keys.passed_over), len(trusted[0])),
        )
        client = _Client(keys)
        try:
            return await _certified_or_plain(settings, trusted, client, tunnel, own)
        except DROPPED:
            raise
        except (asyncssh.Error, OSError, ValueError) as error:
            said = _said(error, settings, trusted, client, keys)
            raise connection_refusal(host, settings, error, said=said, behind=behind) from error


@contextlib.asynccontextmanager
async def _agent(settings: SshSettings) -> AsyncIterator[asyncssh.SSHAgentClient | None]:
    """The agent, open while it may have to sign. It is connected at the first request."""
    if not settings.agent:
        yield None
        return
    async with asyncssh.SSHAgentClient(settings.agent) as agent:
        yield agent


async def _certified_or_plain(
    settings: SshSettings,
    trusted: Matched,
    client: _Client,
    tunnel: asyncssh.SSHClientConnection | None,
    own: LoginResources,
) -> asyncssh.SSHClientConnection:
    """Like OpenSSH: if a host certificate is not valid, the plain key may still be known."""
    plain, authorities, revoked, *_ = trusted
    try:
        return await _through(settings, trusted, client, tunnel, own)
    except asyncssh.HostKeyNotVerifiable as error:
        if not plain or not authorities or "revoked" in error.reason:
            raise
    return await _through(settings, (plain, [], revoked, (), (), (), ()), client, tunnel, own)


async def _through(
    settings: SshSettings,
    trusted: Matched,
    client: _Client,
    tunnel: asyncssh.SSHClientConnection | None,
    own: LoginResources,
) -> asyncssh.SSHClientConnection:
    """The connection, through a ProxyCommand if there is one, whose error output is reported."""
    if not settings.proxy_command:
        return await _connect(settings, trusted, client, tunnel)
    log.info("%s: through a ProxyCommand", settings.alias)
    proxy = client.proxy = await Proxy.start(settings.proxy_command)
    own.proxies.append(proxy)
    try:
        return await _connect(settings, trusted, client, tunnel)
    except DROPPED as error:
        proxy.end()
        said = await proxy.last_words()
        raise asyncssh.ConnectionLost(f"{error}; ProxyCommand said: {said or 'nothing'}") from error
    except BaseException:
        proxy.end()
        raise


async def _connect(
    settings: SshSettings,
    trusted: Matched,
    client: _Client,
    tunnel: asyncssh.SSHClientConnection | None,
) -> asyncssh.SSHClientConnection:
    algorithms, transport = settings.algorithms, settings.transport
    limit_s = transport.connect_timeout_s or LOGIN_TIMEOUT_S
    return await asyncssh.connect(
        settings.hostname,
        settings.port,
        config=None,
        client_factory=lambda: client,
        username=settings.user,
        tunnel=tunnel or (),
        sock=client.proxy.socket if client.proxy else None,
        family=transport.family,
        local_addr=(transport.bind_address, 0) if transport.bind_address else (),
        host_key_alias=settings.host_key_alias or None,
        known_hosts=trusted,
        server_host_key_algs=algorithms.of_host(*trusted[:2]),
        kex_algs=algorithms.key_exchange,
        encryption_algs=algorithms.ciphers,
        mac_algs=algorithms.macs,
        signature_algs=algorithms.signatures,
        client_keys=None,  # instead of asyncssh's defaults: `_Client` offers the keys
        public_key_auth=True,
        password_auth=False,
        kbdint_auth=False,
        gss_auth=False,
        gss_kex=False,
        host_based_auth=False,
        connect_timeout=limit_s,
        login_timeout=limit_s,
        keepalive_interval=transport.alive_interval_s or KEEPALIVE_S,
        keepalive_count_max=transport.alive_count or KEEPALIVE_COUNT,
    )


def _said(
    error: Exception,
    settings: SshSettings,
    trusted: Matched,
    client: _Client,
    keys: Credentials,
) -> str:
    """The message of the SSH library, and what we know beyond it."""
    if isinstance(error, TimeoutError):
        limit_s = settings.transport.connect_timeout_s or LOGIN_TIMEOUT_S
        return f"no login within {limit_s:.0f} s"
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return _about_host_key(str(error), settings, trusted, client.shown)
    if is_login_refused(error):
        offered = f"{len(keys.pairs)} {'key' if len(keys.pairs) == 1 else 'keys'} offered"
        return "; ".join((str(error), offered, *keys.passed_over))
    return str(error)


def _about_host_key(
    said: str, settings: SshSettings, trusted: Matched, shown: asyncssh.SSHKey | None
) -> str:
    if shown is None:
        return said
    plain, authorities, *_ = trusted
    known = ", ".join(
        (
            *(key.get_fingerprint() for key in plain),
            *(f"{key.get_fingerprint()} as an authority only" for key in authorities),
        )
    )
    files = ", ".join(str(path) for path in settings.known_hosts) or "there is no known_hosts file"
    has = f"known: {known}" if known else f"none is known ({files})"
    return f"{shown.get_algorithm()} {shown.get_fingerprint()}; {has}"
