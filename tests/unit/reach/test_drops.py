"""What is tried again and what is not: resets are, refusals and silence are not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from remediations.reach import login, ssh
from remediations.reach.blocking import BlockingReach
from remediations.reach.connection import HostUnreachable
from tests.unit.reach.sshd import host_block, inventory, knows, make_key, resolver, say, serving


@contextlib.asynccontextmanager
async def door(
    port: int, resets: int, *, silent: bool = False
) -> AsyncIterator[tuple[int, list[float]]]:
    """A port that resets its first guests as sshd beyond MaxStartups does, then leads to `port`.

    A silent one says nothing at all. Its guests' times of arrival come along.
    """
    guests: list[float] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guests.append(time.monotonic())
        if silent:
            with contextlib.suppress(OSError):
                await reader.read()
        elif len(guests) <= resets:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        else:
            inner_reader, inner = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(pump(reader, inner), pump(inner_reader, writer))
        writer.close()

    server = await asyncio.start_server(enter, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], guests
    finally:
        server.close()


@pytest.mark.parametrize(("resets", "right"), [(2, True), (99, False)])
def test_a_reset_is_tried_again_some_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resets: int, right: bool
) -> None:
    """Two resets before the banner cost two repeats; a host that always resets is given up."""
    client = make_key(tmp_path / "client")

    async def go() -> list[float]:
        async with (
            serving(tmp_path / "server", client) as server,
            door(server.port, resets) as (port, guests),
        ):
            known = knows(tmp_path / "known", server)
            known.write_text(known.read_text().replace(f":{server.port}", f":{port}"))
            block = host_block("val1", server, client, known)
            block = block.replace(f"Port {server.port}", f"Port {port}")
            listed = inventory(tmp_path, block, "val1")
            if right:
                assert await say(listed, "val1") == "hello"
            else:
                with pytest.raises(HostUnreachable) as refusal:
                    await say(listed, "val1")
                assert refusal.value.guard == "connection"
            return guests

    guests = asyncio.run(go())
    assert len(guests) == (3 if right else ssh.ATTEMPTS)


def test_silence_ends_at_the_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that accepts and says nothing: one attempt, then the limit is named."""
    monkeypatch.setattr(login, "LOGIN_TIMEOUT_S", 0.3)

    async def go() -> tuple[str, str, int]:
        async with door(0, 0, silent=True) as (port, guests):
            config = f"Host val1\n  HostName 127.0.0.1\n  Port {port}\n"
            with pytest.raises(HostUnreachable) as refusal:
                await say(inventory(tmp_path, config, "val1"), "val1")
            return refusal.value.guard, refusal.value.got, len(guests)

    guard, got, guests = asyncio.run(go())
    assert (guard, guests) == ("time limit", 1)
    assert got.startswith("no login within")


def test_blocking_reach_serves_many_threads_by_one_connection(tmp_path: Path) -> None:
    """Also when it is lost under all of them: they share the new one."""
    client = make_key(tmp_path / "client")

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = knows(tmp_path / "known", server)
            listed = inventory(tmp_path, host_block("val1", server, client, known), "val1")
            reach = await asyncio.to_thread(BlockingReach, listed, resolver(listed))

            def work(word: str) -> bytes:
                return reach.run("val1", word, timeout_s=5).stdout

            loop = asyncio.get_running_loop()
            with ThreadPoolExecutor(6) as pool:
                for _ in range(2):
                    words = [f"w{n}" for n in range(12)]
                    done = [loop.run_in_executor(pool, work, word) for word in words]
                    assert await asyncio.gather(*done) == [word.encode() for word in words]
                    server.drop_all()
            await asyncio.to_thread(reach.close)
            assert server.connections == 2

    asyncio.run(go())


def test_blocking_reach_does_not_repeat_a_refusal(tmp_path: Path) -> None:
    """A key that is not accepted is offered once, however often a reading is asked for."""
    client, stranger = make_key(tmp_path / "client"), make_key(tmp_path / "stranger")

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = knows(tmp_path / "known", server)
            listed = inventory(tmp_path, host_block("val1", server, stranger, known), "val1")
            reach = await asyncio.to_thread(BlockingReach, listed, resolver(listed))
            for _ in range(2):
                with pytest.raises(HostUnreachable) as refusal:
                    await asyncio.to_thread(reach.run, "val1", "x", timeout_s=5)
                assert refusal.value.guard == "authentication"
            await asyncio.to_thread(reach.close)
            assert server.logins == 1

    asyncio.run(go())


def test_blocking_reach_gives_up_after_one_repeat(tmp_path: Path) -> None:
    """A command that loses the connection each time runs twice, not more."""
    client = make_key(tmp_path / "client")

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = knows(tmp_path / "known", server)
            listed = inventory(tmp_path, host_block("val1", server, client, known), "val1")
            reach = await asyncio.to_thread(BlockingReach, listed, resolver(listed))
            with pytest.raises(HostUnreachable) as refusal:
                await asyncio.to_thread(reach.run, "val1", "drop", timeout_s=5)
            await asyncio.to_thread(reach.close)
            assert refusal.value.guard == "connection"
            assert server.commands == ["drop", "drop"]

    asyncio.run(go())
