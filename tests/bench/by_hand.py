"""`python -m tests.bench.by_hand careful|careless ORDER DIRECTORY PRINCIPAL HOSTS`: the peer.

What a good operator would write for one night, who knows the cause: an order of steps, signed. Each
step is commands by host, done at once, and begins when the one before succeeded everywhere. With
"careful" the signature is verified and every host read first, as the product reads it.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import sys
from pathlib import Path

import asyncssh

from remediations.engine.observe.observation import Scope
from remediations.systems.comet.inventory import Role
from remediations.systems.hosts.program import COMMAND
from tests.inventories import node_entry
from tests.readings import program


class Hosts:
    """Connections by the lab's ssh_config, each made once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: dict[str, asyncio.Task[asyncssh.SSHClientConnection]] = {}

    async def run(self, host: str, command: str, text: bytes = b"") -> bytes:
        """What the command printed."""
        if host not in self._open:
            self._open[host] = asyncio.create_task(self._connect(host))
        connection = await self._open[host]
        given = {"input": text} if text else {"stdin": asyncssh.DEVNULL}
        done = await connection.run(command, encoding=None, check=True, **given)
        assert isinstance(done.stdout, bytes)
        return done.stdout

    async def _connect(self, host: str) -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            host,
            config=[str(self._directory / "ssh_config")],
            known_hosts=str(self._directory / "known_hosts"),
            agent_path=None,
        )


def verify(order: Path, directory: Path, principal: str) -> None:
    """Raises: CalledProcessError: the order is not signed by `principal`."""
    with order.open("rb") as signed:
        subprocess.run(
            [
                *("ssh-keygen", "-Y", "verify", "-n", "by-hand", "-I", principal),
                *("-f", str(directory / "allowed_signers"), "-s", f"{order}.sig"),
            ],
            stdin=signed,
            check=True,
            stdout=subprocess.DEVNULL,
        )


async def rescue(how: str, order: Path, directory: Path, names: list[str]) -> None:
    """Read everything if careful, then do what the order says, step by step."""
    hosts = Hosts(directory)
    if how == "careful":
        text = program(node_entry(name="", role=Role.VALIDATOR, ssh=""), Scope.DECIDING)
        read = await asyncio.gather(*(hosts.run(name, COMMAND, text) for name in names))
        assert all(b"remediate_probe" in document for document in read)
    for step in json.loads(order.read_text()):
        await asyncio.gather(
            *(hosts.run(host, f"sudo -n sh -ec {shlex.quote(text)}") for host, text in step.items())
        )


def main() -> None:
    """The program."""
    how, order, directory, principal, names = sys.argv[1:]
    if how == "careful":
        verify(Path(order), Path(directory), principal)
    asyncio.run(rescue(how, Path(order), Path(directory), names.split(",")))


if __name__ == "__main__":
    main()
