"""Logins, jumps and commands against real SSH servers on loopback."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from remediations.reach.blocking import BlockingReach
from remediations.reach.connection import HostUnreachable
from tests.unit.reach.sshd import (
    host_block,
    inventory,
    knows,
    make_key,
    reaching,
    resolver,
    serving,
)


def test_results_are_exact_and_bounded(tmp_path: Path) -> None:
    """Exit status, both streams as bytes, standard input; a flood is cut, a sleeper timed out."""
    client = make_key(tmp_path / "client")

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = knows(tmp_path / "known", server)
            listed = inventory(tmp_path, host_block("val1", server, client, known), "val1")
            async with reaching(listed) as reach:
                one = await reach.connect("val1")
                failed = await one.run("fail", timeout_s=5)
                assert (failed.exit_status, failed.stderr) == (7, b"no\xff")
                echoed = await one.run("cat", stdin=bytes(range(256)) * 4000, timeout_s=5)
                assert echoed.stdout == bytes(range(256)) * 4000
                flood = await one.run("flood", timeout_s=5, max_bytes=100_000)
                assert (len(flood.stdout), flood.truncated) == (100_000, True)
                slow = await one.run("sleep", timeout_s=0.3)
                assert (slow.exit_status, slow.timed_out) == (None, True)
                many = await asyncio.gather(*(one.run(f"n{i}", timeout_s=5) for i in range(30)))
                assert [m.stdout for m in many] == [f"n{i}".encode() for i in range(30)]
                assert await reach.connect("val1") is one
            assert server.connections == 1

    asyncio.run(go())


def test_one_connection_to_the_jump_host_serves_all_behind_it(tmp_path: Path) -> None:
    """ProxyJump: the hop has its own key and its own host key check, and is dialled once."""
    client, hop_key = make_key(tmp_path / "client"), make_key(tmp_path / "hop")

    async def go() -> None:
        async with (
            serving(tmp_path / "bastion", hop_key) as bastion,
            serving(tmp_path / "inner", client) as inner,
        ):
            known = knows(tmp_path / "known", bastion, inner)
            names = [f"val{n}" for n in range(6)]
            blocks = [host_block(n, inner, client, known, "ProxyJump bastion") for n in names]
            config = "".join([*blocks, host_block("bastion", bastion, hop_key, known)])
            async with reaching(inventory(tmp_path, config, *names)) as reach:
                connections = await asyncio.gather(*(reach.connect(n) for n in names))
                done = await asyncio.gather(*(c.run("hi", timeout_s=5) for c in connections))
            assert [d.stdout for d in done] == [b"hi"] * 6
            assert bastion.connections == 1
            knows(tmp_path / "known", inner)
            with pytest.raises(HostUnreachable) as refusal:
                async with reaching(inventory(tmp_path, config, *names)) as reach:
                    await reach.connect("val0")
            assert refusal.value.guard == "jump host: strict host keys"

    asyncio.run(go())


def test_refused_login_is_not_tried_again(tmp_path: Path) -> None:
    """A key that the host does not accept: said at once, after one login."""
    client, stranger = make_key(tmp_path / "client"), make_key(tmp_path / "stranger")

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = knows(tmp_path / "known", server)
            listed = inventory(tmp_path, host_block("val1", server, stranger, known), "val1")
            with pytest.raises(HostUnreachable) as refusal:
                async with reaching(listed) as reach:
                    await reach.connect("val1")
            assert refusal.value.guard == "authentication"
            assert server.logins == 1

    asyncio.run(go())


@pytest.mark.parametrize(
    ("config", "guard"),
    [
        ("Host val1\n  HostName 127.0.0.1\n  Port 1\n", "TCP"),
        ("Host val1\n  HostName no-such-host.invalid\n", "DNS"),
        ("Host val1\n  NoSuchOption yes\n", "ssh_config"),
    ],
)
def test_every_failure_names_its_guard(tmp_path: Path, config: str, guard: str) -> None:
    """Nobody listens, no such name, a bad line: one refusal with the command that shows it."""

    async def go() -> None:
        async with reaching(inventory(tmp_path, config, "val1")) as reach:
            await reach.connect("val1")

    with pytest.raises(HostUnreachable) as refusal:
        asyncio.run(go())
    assert refusal.value.guard == guard
    assert refusal.value.next_step


def test_blocking_reach_repeats_a_reading_on_a_new_connection(tmp_path: Path) -> None:
    """A connection that was lost between two readings is made anew, once."""
    client = make_key(tmp_path / "client")

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = knows(tmp_path / "known", server)
            listed = inventory(tmp_path, host_block("val1", server, client, known), "val1")
            reach = await asyncio.to_thread(BlockingReach, listed, resolver(listed))
            for word in ("one", "two"):
                done = await asyncio.to_thread(reach.run, "val1", word, timeout_s=5)
                assert done.stdout == word.encode()
                server.drop_all()
            await asyncio.to_thread(reach.close)
            assert server.connections == 2

    asyncio.run(go())
