"""ProxyJump and ProxyCommand: the way to a host, and what is said where it ends."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from remediations.reach.connection import HostUnreachable
from tests.unit.reach.sshd import (
    host_block,
    inventory,
    knows,
    make_key,
    openssh,
    reaching,
    say,
    serving,
)

PROXY = """
import os, socket, sys, threading
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print("a complaint", file=sys.stderr, flush=True)
def up():
    while data := os.read(0, 65536):
        s.sendall(data)
threading.Thread(target=up, daemon=True).start()
while data := s.recv(65536):
    os.write(1, data)
    print("another", file=sys.stderr, flush=True)
"""


def test_a_chain_goes_through_every_hop_in_order(tmp_path: Path) -> None:
    """ProxyJump a,b: b is dialled by a, the host by b; each with its own key, user and port."""
    keys = [make_key(tmp_path / name) for name in ("ka", "kb", "kc")]

    async def go() -> None:
        async with (
            serving(tmp_path / "a", keys[0]) as a,
            serving(tmp_path / "b", keys[1]) as b,
            serving(tmp_path / "c", keys[2]) as c,
        ):
            known = knows(tmp_path / "known", a, b, c)
            config = "".join(
                (
                    host_block("val1", c, keys[2], known, "ProxyJump a,b"),
                    host_block("a", a, keys[0], known).replace("User ops", "User alice"),
                    host_block("b", b, keys[1], known, "ProxyJump nowhere").replace(
                        "User ops", "User bob"
                    ),
                )
            )
            listed = inventory(tmp_path, config, "val1")
            assert await openssh(listed, "val1")
            assert await say(listed, "val1") == "hello"
            assert (a.users[-1], b.users[-1], c.users[-1]) == ("alice", "bob", "ops")
            assert a.tunnels[-1] == b.port
            assert b.tunnels[-1] == c.port
            assert c.tunnels == []

    asyncio.run(go())


def test_a_jump_may_be_written_with_user_and_port(tmp_path: Path) -> None:
    """user@host:port instead of a name; two hosts that name the hop alike share it."""
    client = make_key(tmp_path / "client")

    async def go() -> None:
        async with (
            serving(tmp_path / "bastion", client) as bastion,
            serving(tmp_path / "inner", client) as inner,
        ):
            known = knows(tmp_path / "known", bastion, inner)
            jump = f"ProxyJump jumper@127.0.0.1:{bastion.port}"
            common = host_block("*", bastion, client, known).replace(f"Port {bastion.port}", "")
            config = "".join(
                host_block(name, inner, client, known, jump) for name in ("val1", "val2")
            )
            listed = inventory(tmp_path, config + common, "val1", "val2")
            async with reaching(listed) as reach:
                await asyncio.gather(reach.connect("val1"), reach.connect("val2"))
            assert bastion.users == ["jumper"]
            assert bastion.connections == 1

    asyncio.run(go())


def test_a_lost_hop_is_dialled_again(tmp_path: Path) -> None:
    """After `forget`, the host gets a new connection through a new hop."""
    client = make_key(tmp_path / "client")

    async def go() -> None:
        async with (
            serving(tmp_path / "bastion", client) as bastion,
            serving(tmp_path / "inner", client) as inner,
        ):
            known = knows(tmp_path / "known", bastion, inner)
            config = host_block("val1", inner, client, known, "ProxyJump bastion")
            config += host_block("bastion", bastion, client, known)
            async with reaching(inventory(tmp_path, config, "val1")) as reach:
                first = await reach.connect("val1")
                bastion.drop_all()
                with pytest.raises(HostUnreachable):
                    await first.run("sleep", timeout_s=5)
                reach.forget("val1")
                second = await reach.connect("val1")
                assert (await second.run("hi", timeout_s=5)).stdout == b"hi"
            assert (bastion.connections, inner.connections) == (2, 2)

    asyncio.run(go())


def test_nothing_listens_behind_the_hop(tmp_path: Path) -> None:
    """Not to be mistaken for a fault of the hop: another guard, with the hop's name."""
    client = make_key(tmp_path / "client")

    async def go() -> HostUnreachable:
        async with serving(tmp_path / "bastion", client) as bastion:
            known = knows(tmp_path / "known", bastion)
            config = host_block("bastion", bastion, client, known)
            config += "Host val1\n  HostName 127.0.0.1\n  Port 1\n  ProxyJump bastion\n"
            with pytest.raises(HostUnreachable) as refusal:
                await say(inventory(tmp_path, config, "val1"), "val1")
            return refusal.value

    error = asyncio.run(go())
    assert error.guard == "forwarding"
    assert "does bastion allow it" in error.next_step


def test_a_hop_that_is_down_is_named(tmp_path: Path) -> None:
    """The guard says which kind of refusal it was, the command shows the hop's own."""
    config = "Host val1\n  ProxyJump ops@127.0.0.1:1\nHost *\n  UserKnownHostsFile none\n"
    with pytest.raises(HostUnreachable) as refusal:
        asyncio.run(say(inventory(tmp_path, config, "val1"), "val1"))
    error = refusal.value
    assert error.guard == "jump host: TCP"
    assert error.what.startswith("val1: its jump host ops@")
    assert "-p 1 -o StrictHostKeyChecking=yes ops@127.0.0.1 true" in error.next_step


def test_proxy_command_is_a_line_for_the_shell(tmp_path: Path) -> None:
    """With tokens and quotes; what it complains of does not disturb the connection."""
    client = make_key(tmp_path / "client")
    (tmp_path / "a proxy.py").write_text(PROXY)

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = tmp_path / "known"
            line = f'ProxyCommand {sys.executable} "{tmp_path}/a proxy.py" "%h" $((%p)) | cat'
            config = host_block("val1", server, client, known, line)
            listed = inventory(tmp_path, config, "val1")
            knows(known, server)
            assert await openssh(listed, "val1")
            assert await say(listed, "val1", "x" * 100_000) == "x" * 100_000
            known.write_text("")
            with pytest.raises(HostUnreachable) as refusal:
                await say(listed, "val1")
            assert refusal.value.guard == "strict host keys"

    asyncio.run(go())


def test_a_proxy_command_that_fails_is_a_lost_connection(tmp_path: Path) -> None:
    """Nothing to talk to: refused after the repeats, with the command that shows why."""
    config = "Host val1\n  ProxyCommand /nonexistent %h\n"
    with pytest.raises(HostUnreachable) as refusal:
        asyncio.run(say(inventory(tmp_path, config, "val1"), "val1"))
    assert refusal.value.guard == "connection"
    assert "ssh -F" in refusal.value.next_step
