"""SSH servers beside a command of this process, and hosts behind them whose programs are scripted.

What is sent there really runs, with the stand-ins of `tests.unit.observe.fake_host` before the real
commands in its PATH.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

import asyncssh

from tests.unit.observe.fake_host import Host
from tests.unit.reach.sshd import Server, make_key, public

T = TypeVar("T")

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
HEAD = "version: 1\nchain: {id: virtengine-lab-1}\nssh: {config: ssh_config}\nhosts:\n"
ALL = "Host *\n  HostName 127.0.0.1\n  User ops\n  GlobalKnownHostsFile none\n"


@contextmanager
def beside(serving: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """`serving` in an event loop of its own: the command under test has one itself."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        value = asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result(20)
        try:
            yield value
        finally:
            leave = serving.__aexit__(None, None, None)
            asyncio.run_coroutine_threadsafe(leave, loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def inventory(directory: Path, config: str, *names: str) -> Path:
    """An inventory of validators that ssh finds by `config`."""
    (directory / "ssh_config").write_text(config + ALL)
    path = directory / "inventory.yaml"
    path.write_text(HEAD + "".join(f"  {name}: {{role: validator}}\n" for name in names))
    return path


class Machine(Host):
    """A host that can be logged in to; `sudo` is the shell text of that program."""

    def __init__(self, root: Path, *, sudo: str = 'shift; exec "$@"') -> None:
        super().__init__(root, 1)
        self.rooted = "exec" in sudo
        self.script("sudo", f"#!/bin/sh\n{sudo}\n")

    def words(self, command: str) -> tuple[str, ...]:
        """The command as its sshd starts it: without root where sudo refuses."""
        lesser = NOBODY if os.geteuid() == 0 and not self.rooted else ()
        return (*lesser, "env", f"PATH={self.bin}:{os.environ['PATH']}", "sh", "-c", command)


@contextmanager
def machine(directory: Path, *, sudo: str = 'shift; exec "$@"') -> Iterator[tuple[Machine, Path]]:
    """A machine as val1, and the inventory that leads to it.

    It lies where a user without root may look into it.
    """
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    host, client = Machine(root, sudo=sudo), make_key(directory / "client")
    host.install()
    try:
        with beside(_executing(directory, client, host)) as server:
            known = directory / "known_hosts"
            known.write_text(f"[127.0.0.1]:{server.port} {public(server.key)}\n")
            config = f"Host val1\n  Port {server.port}\n  IdentityFile {client}\n"
            config += f"  UserKnownHostsFile {known}\n"
            yield host, inventory(directory, config, "val1")
    finally:
        shutil.rmtree(root)


@asynccontextmanager
async def _executing(directory: Path, client: Path, host: Machine) -> AsyncIterator[Server]:
    key = make_key(directory / "machine_key")
    (directory / "authorized").write_text(public(client) + "\n")

    running: dict[asyncio.subprocess.Process, asyncio.Task[None] | None] = {}

    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        text = (await process.stdin.read()).replace(b" PATH=", f" PATH={host.bin}:".encode())
        child = await asyncio.create_subprocess_exec(
            *host.words(process.command or ""),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        running[child] = asyncio.current_task()
        out, errors = await child.communicate(text)
        del running[child]
        if not process.channel.is_closing():
            process.stdout.write(out)
            process.stderr.write(errors)
            process.exit(child.returncode or 0)

    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[str(key)],
        authorized_client_keys=str(directory / "authorized"),
        process_factory=serve,
        encoding=None,
    )
    try:
        yield Server(listener.get_port(), key)
    finally:
        tasks = [task for task in running.values() if task is not None]
        for child in running:
            os.killpg(child.pid, signal.SIGKILL)
        await asyncio.gather(*tasks)
        listener.close()
        await listener.wait_closed()
