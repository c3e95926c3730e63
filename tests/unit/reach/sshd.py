"""SSH servers on loopback, inside the test's own process, that count what reaches them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import asyncssh

from remediations.machine.config import MachineConfig
from remediations.reach.resolver import SshResolver, resolver_for
from remediations.reach.ssh import SshReach
from remediations.systems.comet.inventory import Role
from remediations.values.inventory import Inventory
from tests.inventories import chain_inventory, node_entry


def make_key(path: Path, *options: str) -> Path:
    """A new key pair by OpenSSH; the private file."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path), *options], check=True
    )
    return path


def public(key: Path) -> str:
    """Kind and base64 of a key, as known_hosts and authorized_keys have it."""
    return " ".join(key.with_name(f"{key.name}.pub").read_text().split()[:2])


@dataclass
class Server:
    """A listening server: its port, its host key, and what it saw."""

    port: int
    key: Path
    connections: int = 0
    logins: int = 0
    sessions: int = 0
    most_sessions: int = 0
    full: bool = False
    frozen: bool = False
    drops: int = 0
    letting_in: asyncio.Event | None = None
    """While this is there and not set, whoever logs in waits."""
    tunnels: list[int] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    open: list[asyncssh.SSHServerConnection] = field(default_factory=list)

    def drop_all(self) -> None:
        """Lose every connection, as a network does."""
        while self.open:
            self.open.pop().abort()


async def _serve_command(process: asyncssh.SSHServerProcess[bytes]) -> None:
    command = process.command or ""
    if command.startswith("flood"):
        stream = process.stderr if command == "flood errors" else process.stdout
        try:
            while True:
                stream.write(b"x" * 65536)
                await stream.drain()
        except (asyncssh.Error, OSError):
            return
    if command == "some then sleep":
        process.stdout.write(b"some")
    if command == "last":
        process.stdout.write(b"done")
        process.exit(3)
        await process.wait_closed()
        process.get_extra_info("connection").abort()
        return
    if command.endswith("sleep"):
        await asyncio.sleep(30)
    if command == "nap":
        await asyncio.sleep(0.05)
    if command == "drop":
        process.get_extra_info("connection").abort()
        return
    if command == "killed":
        process.stdout.write(b"half")
        process.exit_with_signal("KILL")
        return
    if command == "fail":
        process.stderr.write(b"no\xff")
        process.exit(7)
        return
    process.stdout.write(await process.stdin.read() or command.encode())
    process.exit(0)


class Sessions:
    """What the server does for each session: it counts them in `seen`, and can be made to fail."""

    def __init__(self, seen: Server) -> None:
        self.seen = seen

    async def open(self) -> asyncssh.SSHServerProcess[bytes]:
        """A new session; none while the server is full or frozen."""
        if self.seen.full:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "no more sessions")
        while self.seen.frozen:
            await asyncio.sleep(0.05)
        return asyncssh.SSHServerProcess(self.handle, None, 3, False)

    async def handle(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Run the command of one session, unless the connection is to be dropped."""
        seen = self.seen
        seen.commands.append(process.command or "")
        if seen.drops:
            seen.drops -= 1
            seen.drop_all()
            return
        seen.sessions += 1
        seen.most_sessions = max(seen.most_sessions, seen.sessions)
        try:
            await _serve_command(process)
        finally:
            seen.sessions -= 1


class CountingServer(asyncssh.SSHServer):
    """The server's side of one connection, which notes in `seen` what is asked of it."""

    def __init__(self, seen: Server) -> None:
        self.seen = seen

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.seen.connections += 1
        self.seen.open.append(conn)

    async def begin_auth(self, username: str) -> bool:
        self.seen.logins += 1
        self.seen.users.append(username)
        if self.seen.letting_in is not None:
            await self.seen.letting_in.wait()
        return True

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> bool:
        self.seen.tunnels.append(dest_port)
        return True

    def session_requested(self) -> Awaitable[asyncssh.SSHServerProcess[bytes]]:
        return Sessions(self.seen).open()


@asynccontextmanager
async def serving(
    directory: Path,
    client_key: Path,
    *,
    certificate: Path | None = None,
    host_key: Path | None = None,
    authorized: str = "",
) -> AsyncIterator[Server]:
    """A server that lets `client_key` in (or whom `authorized` says) and tunnels anywhere."""
    directory.mkdir(exist_ok=True)
    key = host_key or directory / "host_key"
    if not key.exists():
        make_key(key)
    seen = Server(0, key)
    keys = directory / "authorized_keys"
    keys.write_text(f"{authorized or public(client_key)}\n")
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=partial(CountingServer, seen),
        server_host_keys=[str(key)],
        server_host_certs=[str(certificate)] if certificate else (),
        authorized_client_keys=str(keys),
        encoding=None,
    )
    seen.port = listener.get_port()
    try:
        yield seen
    finally:
        listener.close()
        await listener.wait_closed()


def knows(path: Path, *servers: Server) -> Path:
    """A known_hosts file with these servers."""
    path.write_text("".join(f"[127.0.0.1]:{s.port} {public(s.key)}\n" for s in servers))
    return path


def resolver(listed: Inventory) -> SshResolver:
    """What says where the names of this inventory lead, on a machine without a configuration."""
    return resolver_for(MachineConfig(), listed)


def reaching(listed: Inventory) -> SshReach:
    """The connections of one command to the hosts of this inventory."""
    return SshReach(listed, resolver(listed))


async def say(listed: Inventory, host: str, word: str = "hello") -> str:
    """Log in, run `word`, log out; what it wrote."""
    async with reaching(listed) as reach:
        connection = await reach.connect(host)
        return (await connection.run(word, timeout_s=5)).stdout.decode()


async def openssh(listed: Inventory, host: str) -> bool:
    """Whether OpenSSH itself gets in with the same configuration, strictly and unasked."""
    process = await asyncio.create_subprocess_exec(
        *("ssh", "-F", str(listed.ssh_config), "-o", "BatchMode=yes"),
        *("-o", "StrictHostKeyChecking=yes", host, "hello"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate()
    return out == b"hello"


def inventory(directory: Path, config: str, *names: str) -> Inventory:
    """An inventory whose ssh_config says `config`."""
    path = directory / "ssh_config"
    path.write_text(config)
    return chain_inventory(
        path=str(directory / "inventory.yaml"),
        chain_id="c-1",
        halted_after_s=60,
        ssh_config=str(path),
        allowed_signers=None,
        hosts=tuple(node_entry(name=n, role=Role.VALIDATOR, ssh=n) for n in names),
    )


def host_block(name: str, server: Server, client_key: Path, known_hosts: Path, *more: str) -> str:
    """A Host of ssh_config that leads to the server."""
    lines = [
        f"Host {name}",
        "HostName 127.0.0.1",
        f"Port {server.port}",
        "User ops",
        f"IdentityFile {client_key}",
        "IdentitiesOnly yes",
        f"UserKnownHostsFile {known_hosts}",
        "GlobalKnownHostsFile none",
        *more,
    ]
    return "\n  ".join(lines) + "\n"
