"""SSH servers on loopback, inside the test's own process, that count what reaches them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from remediations.model.inventory import HostEntry, Inventory, Role


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
    commands: list[str] = field(default_factory=list)
    open: list[asyncssh.SSHServerConnection] = field(default_factory=list)

    def drop_all(self) -> None:
        """Lose every connection, as a network does."""
        while self.open:
            self.open.pop().abort()


async def _serve_command(process: asyncssh.SSHServerProcess[bytes]) -> None:
    command = process.command or ""
    if command == "flood":
        try:
            while True:
                process.stdout.write(b"x" * 65536)
                await process.stdout.drain()
        except (asyncssh.Error, OSError):
            return
    if command == "sleep":
        await asyncio.sleep(30)
    if command == "fail":
        process.stderr.write(b"no\xff")
        process.exit(7)
        return
    process.stdout.write(await process.stdin.read() or command.encode())
    process.exit(0)


@asynccontextmanager
async def serving(
    directory: Path, client_key: Path, *, certificate: Path | None = None
) -> AsyncIterator[Server]:
    """A server that lets `client_key` in and tunnels anywhere on loopback."""
    directory.mkdir(exist_ok=True)
    key = directory / "host_key"
    if not key.exists():
        make_key(key)
    seen = Server(0, key)

    class Counting(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            seen.connections += 1
            seen.open.append(conn)

        def begin_auth(self, username: str) -> bool:
            seen.logins += 1
            return True

        def connection_requested(
            self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
        ) -> bool:
            return True

    async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
        seen.commands.append(process.command or "")
        await _serve_command(process)

    authorized = directory / "authorized_keys"
    authorized.write_text(f"{public(client_key)}\n")
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Counting,
        server_host_keys=[str(key)],
        server_host_certs=[str(certificate)] if certificate else (),
        authorized_client_keys=str(authorized),
        process_factory=handle,
        encoding=None,
    )
    seen.port = listener.get_port()
    try:
        yield seen
    finally:
        listener.close()
        await listener.wait_closed()


def inventory(directory: Path, config: str, *names: str) -> Inventory:
    """An inventory whose ssh_config says `config`."""
    path = directory / "ssh_config"
    path.write_text(config)
    return Inventory(
        path=str(directory / "inventory.yaml"),
        chain_id="c-1",
        halted_after_s=60,
        ssh_config=str(path),
        allowed_signers=None,
        hosts=tuple(HostEntry(name=n, role=Role.VALIDATOR, ssh=n) for n in names),
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
