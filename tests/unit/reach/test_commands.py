"""Commands on an open connection: bounded in time, bytes and number; results exact."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from remediations.reach.command import SshConnection
from remediations.reach.connection import HostUnreachable
from tests.unit.reach.sshd import Server, host_block, inventory, knows, make_key, reaching, serving

Act = Callable[[SshConnection, Server], Awaitable[None]]


def on_connection(tmp_path: Path, act: Act) -> None:
    """Do something on a connection to a server."""
    client = make_key(tmp_path / "client")

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = knows(tmp_path / "known", server)
            listed = inventory(tmp_path, host_block("val1", server, client, known), "val1")
            async with reaching(listed) as reach:
                await act(await reach.connect("val1"), server)

    asyncio.run(go())


def test_a_signal_is_not_an_exit_status(tmp_path: Path) -> None:
    """Killed over there: no status, what it wrote is kept, nothing is called a time-out."""

    async def act(one: SshConnection, _: Server) -> None:
        done = await one.run("killed", timeout_s=5)
        assert (done.exit_status, done.stdout, done.timed_out) == (None, b"half", False)

    on_connection(tmp_path, act)


@pytest.mark.parametrize("flood", ["flood", "flood errors"])
def test_too_much_output_ends_the_command_at_once(tmp_path: Path, flood: str) -> None:
    """On either stream, without waiting for the other one or for the time limit."""

    async def act(one: SshConnection, server: Server) -> None:
        done = await one.run(flood, timeout_s=20, max_bytes=100_000)
        assert len(done.stdout or done.stderr) == 100_000
        assert (done.truncated, done.timed_out, done.exit_status) == (True, False, None)
        assert (await one.run("next", timeout_s=5)).stdout == b"next"
        assert server.sessions == 0

    on_connection(tmp_path, act)


def test_exactly_the_limit_is_not_too_much(tmp_path: Path) -> None:
    """The bound is inclusive."""

    async def act(one: SshConnection, _: Server) -> None:
        done = await one.run("cat", stdin=b"x" * 1000, timeout_s=5, max_bytes=1000)
        assert (len(done.stdout), done.truncated, done.exit_status) == (1000, False, 0)

    on_connection(tmp_path, act)


def test_what_was_read_before_the_time_limit_is_kept(tmp_path: Path) -> None:
    """And the connection serves the next command."""

    async def act(one: SshConnection, _: Server) -> None:
        done = await one.run("some then sleep", timeout_s=0.3)
        assert (done.stdout, done.exit_status, done.timed_out) == (b"some", None, True)
        assert (await one.run("next", timeout_s=5)).stdout == b"next"

    on_connection(tmp_path, act)


def test_megabytes_go_both_ways(tmp_path: Path) -> None:
    """Standard input larger than any window, binary."""

    async def act(one: SshConnection, _: Server) -> None:
        data = bytes(range(256)) * 14_000
        assert (await one.run("cat", stdin=data, timeout_s=20)).stdout == data

    on_connection(tmp_path, act)


def test_a_command_may_leave_its_input_unread(tmp_path: Path) -> None:
    """Its status counts, not that nobody read."""

    async def act(one: SshConnection, _: Server) -> None:
        done = await one.run("fail", stdin=b"x" * 5_000_000, timeout_s=5)
        assert (done.exit_status, done.stderr) == (7, b"no\xff")

    on_connection(tmp_path, act)


def test_many_commands_stay_below_max_sessions(tmp_path: Path) -> None:
    """Eleven at once are served by at most eight sessions; sshd's default allows ten."""

    async def act(one: SshConnection, server: Server) -> None:
        done = await asyncio.gather(*(one.run("nap", timeout_s=5) for _ in range(11)))
        assert [d.exit_status for d in done] == [0] * 11
        assert 1 < server.most_sessions <= 8

    on_connection(tmp_path, act)


def test_a_connection_lost_under_a_command(tmp_path: Path) -> None:
    """HostUnreachable at once, for the one that runs and for the next."""

    async def act(one: SshConnection, server: Server) -> None:
        running = asyncio.create_task(one.run("sleep", timeout_s=20))
        while not server.sessions:
            await asyncio.sleep(0.01)
        server.drop_all()
        for work in (running, one.run("next", timeout_s=5)):
            with pytest.raises(HostUnreachable) as refusal:
                await work
            assert refusal.value.guard == "connection"

    on_connection(tmp_path, act)


def test_a_result_that_came_before_the_loss_counts(tmp_path: Path) -> None:
    """The command ended, then the connection: what it did is known."""

    async def act(one: SshConnection, _: Server) -> None:
        done = await one.run("last", timeout_s=5)
        assert (done.exit_status, done.stdout) == (3, b"done")

    on_connection(tmp_path, act)


def test_a_host_that_opens_no_channel_is_timed_out(tmp_path: Path) -> None:
    """A frozen sshd answers nothing: the limit counts from the asking on."""

    async def act(one: SshConnection, server: Server) -> None:
        server.frozen = True
        done = await one.run("never", timeout_s=0.3)
        assert (done.timed_out, done.exit_status, done.stdout) == (True, None, b"")

    on_connection(tmp_path, act)


def test_a_refused_channel_is_not_a_lost_host(tmp_path: Path) -> None:
    """Named as such: MaxSessions, not the network."""

    async def act(one: SshConnection, server: Server) -> None:
        server.full = True
        with pytest.raises(HostUnreachable) as refusal:
            await one.run("x", timeout_s=5)
        assert refusal.value.guard == "channel"
        assert "MaxSessions" in refusal.value.next_step

    on_connection(tmp_path, act)
