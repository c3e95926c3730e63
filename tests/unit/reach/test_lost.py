"""Connections that are lost, with and without a word: nobody is ever handed a dead one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncssh
import pytest

from remediations.engine.observe.observation import Scope
from remediations.engine.system import LookRequest
from remediations.reach import command, ssh
from remediations.reach.connection import HostUnreachable
from remediations.reach.login import log_in
from remediations.reach.ssh import SshReach
from remediations.systems.comet.poll import poll_nodes
from remediations.systems.comet.system import COMET
from remediations.systems.hosts.look import look_at_hosts
from remediations.systems.hosts.reading import HostsReading
from remediations.values.inventory import Inventory
from remediations.values.reading import Unknown
from tests.unit.reach.sshd import Server, host_block, inventory, knows, make_key, reaching, serving

Act = Callable[[SshReach, Server, Server], Awaitable[None]]


class Wire:
    """A network between us and a port: it can go dumb, which nobody is told."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._to = port
        self._dumb = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def goes_dumb(self) -> None:
        """What was connected so far neither sends nor closes any more; new connections do."""
        self._dumb.set()
        self._dumb = asyncio.Event()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, both ways."""
        dumb = self._dumb
        far_reader, far = await asyncio.open_connection("127.0.0.1", self._to)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    if dumb.is_set():
                        await asyncio.sleep(3600)
                    sink.write(data)
            sink.close()

        for task in (pump(reader, far), pump(far_reader, writer)):
            self._tasks.add(asyncio.ensure_future(task))

    def cut(self) -> None:
        """The end of the test."""
        for task in self._tasks:
            task.cancel()


@contextlib.asynccontextmanager
async def wired(server: Server, port: int = 0) -> AsyncIterator[Wire]:
    wire = Wire(server.port)
    listener = await asyncio.start_server(wire.carry, "127.0.0.1", port)
    wire.port = listener.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        wire.cut()
        listener.close()


def behind_a_bastion(directory: Path, act: Act) -> None:
    """val1 and val2, one machine, behind a bastion."""
    key = make_key(directory / "client")

    async def go() -> None:
        async with (
            serving(directory / "bastion", key) as bastion,
            serving(directory / "inner", key) as inner,
        ):
            known = knows(directory / "known", bastion, inner)
            names = ("val1", "val2")
            blocks = [host_block(name, inner, key, known, "ProxyJump bastion") for name in names]
            config = "".join((*blocks, host_block("bastion", bastion, key, known)))
            async with reaching(inventory(directory, config, *names)) as reach:
                await act(reach, bastion, inner)

    asyncio.run(go())


def through(directory: Path, server: Server, key: Path, wire: Wire) -> Inventory:
    """val1 on a server, seen through a wire."""
    known = knows(directory / "known", server)
    known.write_text(known.read_text().replace(f":{server.port}", f":{wire.port}"))
    block = host_block("val1", server, key, known)
    return inventory(directory, block.replace(f"Port {server.port}", f"Port {wire.port}"), "val1")


async def said(reach: SshReach, host: str = "val1") -> bytes:
    return (await (await reach.connect(host)).run("hello", timeout_s=5)).stdout


async def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("lost", ["bastion", "inner"])
def test_whoever_connects_next_has_a_new_connection(tmp_path: Path, lost: str) -> None:
    """Of the host, and of the bastion where that was lost; without a word from who lost it."""

    async def act(reach: SshReach, bastion: Server, inner: Server) -> None:
        first = [await reach.connect(host) for host in ("val1", "val2")]
        (bastion if lost == "bastion" else inner).drop_all()
        await until(lambda: all(one.is_closed() for one in first))
        assert [await said(reach, host) for host in ("val1", "val2")] == [b"hello"] * 2
        assert inner.connections == 4
        assert bastion.connections == (2 if lost == "bastion" else 1)

    behind_a_bastion(tmp_path, act)


def test_looks_at_the_chain_have_a_new_connection(tmp_path: Path) -> None:
    """One look may be empty; the next one reaches the host again."""

    async def act(reach: SshReach, bastion: Server, inner: Server) -> None:
        targets = [(host, "http://127.0.0.1:26657") for host in ("val1", "val2")]
        await poll_nodes(reach, targets)
        bastion.drop_all()
        await poll_nodes(reach, targets)
        asked = len(inner.commands)
        await poll_nodes(reach, targets)
        assert len(inner.commands) == asked + 2

    behind_a_bastion(tmp_path, act)


def test_a_reading_is_asked_for_once_more(tmp_path: Path) -> None:
    """Where the connection was lost while the host was read: twice, not for ever."""

    async def act(reach: SshReach, bastion: Server, inner: Server) -> None:
        hosts = inventory(tmp_path, "", "val1")
        for drops in (1, 2):
            inner.commands.clear()
            inner.drops = drops
            asked = LookRequest(
                reach=reach, inventory=hosts, scope=Scope.DECIDING, host_systems=(COMET,)
            )
            seen, _ = await look_at_hosts(asked)
            assert len(inner.commands) == 2
            assert isinstance(seen, HostsReading)
            assert isinstance(seen.hosts[0].session, Unknown)
            assert ("connection: " in seen.hosts[0].session.reason) is (drops == 2)

    behind_a_bastion(tmp_path, act)


def test_a_bastion_that_is_lost_while_a_host_logs_in(tmp_path: Path) -> None:
    """The login is repeated through a new connection to the bastion, not through the dead one."""

    async def act(reach: SshReach, bastion: Server, inner: Server) -> None:
        await reach.connect("val1")
        inner.letting_in = asyncio.Event()
        connecting = asyncio.create_task(said(reach, "val2"))
        await until(lambda: inner.logins == 2)
        bastion.drop_all()
        inner.letting_in.set()
        assert await connecting == b"hello"
        assert bastion.connections == 2

    behind_a_bastion(tmp_path, act)


def test_a_host_that_is_lost_as_soon_as_it_let_us_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waited for the login has a connection that was open when it was handed over."""
    logins = 0

    async def act(reach: SshReach, _bastion: Server, inner: Server) -> None:
        async def lost_at_once(*arguments: Any) -> asyncssh.SSHClientConnection:  # noqa: ANN401
            nonlocal logins
            connection = await log_in(*arguments)
            if arguments[0] == "val1" and arguments[-1] == "bastion":
                logins += 1
                if logins == 1:
                    inner.drop_all()
                    await connection.wait_closed()
            return connection

        monkeypatch.setattr(ssh, "log_in", lost_at_once)
        assert await said(reach) == b"hello"
        assert logins == 2

    behind_a_bastion(tmp_path, act)


def test_a_failure_is_remembered_for_a_while_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many who ask cost one attempt each pause; a host that is back is reached again."""
    now, attempts = 0.0, 0
    monkeypatch.setattr(ssh, "time", SimpleNamespace(monotonic=lambda: now))
    key = make_key(tmp_path / "client")

    async def counted(*arguments: Any) -> asyncssh.SSHClientConnection:  # noqa: ANN401 - its own
        nonlocal attempts
        attempts += 1
        return await log_in(*arguments)

    monkeypatch.setattr(ssh, "log_in", counted)

    async def go() -> None:
        nonlocal now
        async with serving(tmp_path / "server", key) as server:
            async with wired(server) as wire:
                listed = through(tmp_path, server, key, wire)
            async with reaching(listed) as reach:
                seen = []
                for moment in (0.0, 0.9, 1.0, 2.9, 3.0, 6.9, 7.0, 14.9):
                    now = moment
                    with pytest.raises(HostUnreachable):
                        await reach.connect("val1")
                    seen.append(attempts)
                assert seen == [1, 1, 2, 2, 3, 3, 4, 4]
                async with wired(server, wire.port):
                    now = 15.0
                    assert await said(reach) == b"hello"
                    server.drop_all()
                    await asyncio.sleep(0.1)
                    assert await said(reach) == b"hello"

    asyncio.run(go())


@pytest.mark.parametrize("commands", [1, 3])
def test_a_peer_that_vanished_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commands: int
) -> None:
    """What runs there ends long before its time limit, and the next one has a new connection."""
    monkeypatch.setattr(command, "DOUBT_S", 0.2)
    monkeypatch.setattr(command, "ASK_S", 0.1)
    key = make_key(tmp_path / "client")

    async def go() -> None:
        async with (
            serving(tmp_path / "server", key) as server,
            wired(server) as wire,
            reaching(through(tmp_path, server, key, wire)) as reach,
        ):
            one = await reach.connect("val1")
            wire.goes_dumb()
            work = (one.run("hello", timeout_s=30) for _ in range(commands))
            async with asyncio.timeout(10):
                ends = await asyncio.gather(*work, return_exceptions=True)
            assert {type(end) for end in ends} == {HostUnreachable}
            assert await said(reach) == b"hello"
            assert server.connections == 2

    asyncio.run(go())


def test_a_bastion_that_vanished_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bastion itself is asked: a host behind it would otherwise be dialled through nothing."""
    monkeypatch.setattr(command, "DOUBT_S", 0.2)
    monkeypatch.setattr(command, "ASK_S", 0.1)
    key = make_key(tmp_path / "client")

    async def go() -> None:
        async with (
            serving(tmp_path / "bastion", key) as bastion,
            serving(tmp_path / "inner", key) as inner,
            wired(bastion) as wire,
        ):
            listed = through(tmp_path, bastion, key, wire)
            known = tmp_path / "known"
            known.write_text(known.read_text() + knows(tmp_path / "k", inner).read_text())
            config = Path(listed.ssh_config or "")
            block = host_block("val1", inner, key, known, "ProxyJump bastion")
            config.write_text(config.read_text().replace("val1", "bastion") + block)
            async with reaching(listed) as reach:
                assert await said(reach) == b"hello"
                wire.goes_dumb()
                async with asyncio.timeout(10):
                    with pytest.raises(HostUnreachable):
                        await said(reach)
                    assert await said(reach) == b"hello"
                assert bastion.connections == 2

    asyncio.run(go())


def test_a_slow_command_keeps_its_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever answers when asked is there, however long the command takes."""
    monkeypatch.setattr(command, "DOUBT_S", 0.05)
    monkeypatch.setattr(command, "ASK_S", 0.1)

    async def act(reach: SshReach, _bastion: Server, inner: Server) -> None:
        one = await reach.connect("val1")
        assert (await one.run("sleep", timeout_s=1.5)).timed_out
        assert await said(reach) == b"hello"
        assert inner.connections == 1

    behind_a_bastion(tmp_path, act)
