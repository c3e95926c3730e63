"""One question to all hosts at once, from code that does not await."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from queue import Queue

import pytest

from remediations.reach.blocking import BlockingReach, Limits
from remediations.reach.connection import Completed, HostUnreachable
from tests.unit.reach.sshd import host_block, inventory, knows, make_key, resolver, serving


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A machine that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


LIMITS = Limits(command_s=5, host_s=0.8, max_bytes=100_000)


def test_all_hosts_are_asked_at_once_and_none_waits_for_another(
    tmp_path: Path, silent: socket.socket
) -> None:
    """Each with its own input. One that is silent, one that refuses, one that floods and one that
    hangs are values beside the answers of the others, and cost no more than one host's time."""
    client, stranger = make_key(tmp_path / "client"), make_key(tmp_path / "stranger")

    async def go() -> None:
        async with (
            serving(tmp_path / "server", client) as server,
            serving(tmp_path / "other", stranger) as other,
        ):
            port = silent.getsockname()[1]
            known = knows(tmp_path / "known", server, other)
            names = [f"val{n}" for n in range(20)]
            blocks = [host_block(name, server, client, known) for name in names]
            blocks += [
                host_block("refusing", other, client, known),
                f"Host silent\n  HostName 127.0.0.1\n  Port {port}\n",
            ]
            listed = inventory(tmp_path, "".join(blocks), *names, "refusing", "silent")
            reach = await asyncio.to_thread(BlockingReach, listed, resolver(listed))
            words = {name: name.encode() for name in (*names, "refusing", "silent")}
            began = time.monotonic()
            limits = dataclasses.replace(LIMITS, host_s=5)
            said = await asyncio.to_thread(reach.run_on_all, "say", words, limits=limits)
            assert time.monotonic() - began < 4 * limits.host_s
            assert list(said) == [*names, "refusing", "silent"]
            for name in names:
                answer = said[name]
                assert isinstance(answer, Completed)
                assert answer.stdout == name.encode()
            for name, guard in (("refusing", "authentication"), ("silent", "time limit")):
                answer = said[name]
                assert isinstance(answer, HostUnreachable)
                assert answer.guard == guard
            flood = await asyncio.to_thread(reach.run_on_all, "flood", {"val0": b""}, limits=LIMITS)
            assert isinstance(flood["val0"], Completed)
            assert (flood["val0"].truncated, len(flood["val0"].stdout)) == (True, 100_000)
            hanging = await asyncio.to_thread(
                reach.run_on_all, "sleep", {"val0": b""}, limits=LIMITS
            )
            assert isinstance(hanging["val0"], HostUnreachable)
            assert "within 1 s" in str(hanging["val0"])
            await asyncio.to_thread(reach.close)

    asyncio.run(go())


def test_a_question_on_the_side_delays_no_other(tmp_path: Path) -> None:
    """Not what hangs, not a listener that fails, not even the end; what answers is heard."""
    client = make_key(tmp_path / "client")
    heard: Queue[object] = Queue()

    def fails(_: object) -> None:
        heard.put("called")
        raise RuntimeError("a bug in what is only shown")

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = knows(tmp_path / "known", server)
            listed = inventory(tmp_path, host_block("val1", server, client, known), "val1")
            reach = await asyncio.to_thread(BlockingReach, listed, resolver(listed))
            limits = dataclasses.replace(LIMITS, command_s=60, host_s=60)
            began = time.monotonic()
            reach.ask_beside("sleep", {"val1": b""}, limits=limits, heard=heard.put)
            reach.ask_beside("say", {"val1": b"x"}, limits=limits, heard=fails)
            assert await asyncio.to_thread(heard.get, timeout=20) == "called"
            said = await asyncio.to_thread(reach.run_on_all, "say", {"val1": b"y"}, limits=limits)
            assert isinstance(said["val1"], Completed)
            assert said["val1"].stdout == b"y"
            await asyncio.to_thread(reach.close)
            assert time.monotonic() - began < 30
            assert heard.empty()

    asyncio.run(go())


def test_an_interrupted_caller_waits_for_no_host(tmp_path: Path) -> None:
    """Ctrl-C while hosts are asked is prompt, and ends what was asked."""
    client = make_key(tmp_path / "client")

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = knows(tmp_path / "known", server)
            listed = inventory(tmp_path, host_block("val1", server, client, known), "val1")
            reach = await asyncio.to_thread(BlockingReach, listed, resolver(listed))
            limits = dataclasses.replace(LIMITS, command_s=60, host_s=60)

            def interrupted(_: object) -> None:
                raise KeyboardInterrupt

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Future, "result", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    reach.run_on_all("sleep", {"val1": b""}, limits=limits)
            began = time.monotonic()
            await asyncio.to_thread(reach.close)
            assert time.monotonic() - began < 10

    asyncio.run(go())
