"""ProxyCommand is a program like any other: it may complain, fail, and close what it likes."""

from __future__ import annotations

import asyncio
import gc
import os
import shlex
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from remediations.reach.background import kill_group
from tests.unit.reach.as_ssh import both, openssh, say
from tests.unit.reach.sshd import host_block, inventory, make_key, public, reaching, serving

RELAY = """
import os, socket, sys, threading
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while b := os.read(0, 65536):
        s.sendall(b)
    s.shutdown(1)
threading.Thread(target=up, daemon=True).start()
while b := s.recv(65536):
    os.write(2, b"a word of warning\\n")
    os.write(1, b)
"""


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def test_a_proxy_command_may_complain(tmp_path: Path) -> None:
    """What it says on stderr, at any time, is not part of the conversation."""
    relay = tmp_path / "relay.py"
    relay.write_text(RELAY)
    command = shlex.join([sys.executable, str(relay)])
    both(tmp_path, f"ProxyCommand {command} %h %p", right=True)


def test_a_proxy_command_that_fails_says_why(tmp_path: Path) -> None:
    """Its last words are in the refusal."""
    got = both(tmp_path, "ProxyCommand echo no way through >&2; exit 3", right=False)
    assert got.startswith("connection: ")
    assert "no way through" in got


def test_ssh_itself_as_proxy_command(tmp_path: Path) -> None:
    """`ssh -W`, the commonest of all. It closes every descriptor above stderr when it starts."""
    client = make_key(tmp_path / "client")

    async def go() -> None:
        async with (
            serving(tmp_path / "bastion", client) as bastion,
            serving(tmp_path / "server", client) as server,
        ):
            known = tmp_path / "known"
            sides = (bastion, server)
            known.write_text("".join(f"[127.0.0.1]:{s.port} {public(s.key)}\n" for s in sides))
            through = f"ProxyCommand ssh -F {tmp_path / 'ssh_config'} -W %h:%p bastion"
            config = host_block("val1", server, client, known, through)
            config += host_block("bastion", bastion, client, known)
            listed = inventory(tmp_path, config, "val1")
            assert await openssh(listed)
            assert await say(listed) == b"hello"

    asyncio.run(go())


@pytest.mark.parametrize("independent", [False, True])
def test_what_a_proxy_command_left_behind_delays_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, independent: bool
) -> None:
    """As ControlPersist does: a child has its standard error, and stays. It ends with it, unless it
    made itself independent; the run ends in any case, and closes its own end of that error."""
    unraised: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", unraised.append)
    relay, pid = tmp_path / "relay.py", tmp_path / "pid"
    relay.write_text(RELAY)
    child = f"{'setsid ' if independent else ''}sh -c 'echo $$ >{pid}; exec sleep 25'"
    both_run = f'{child} & exec {sys.executable} {relay} "$@"'
    command = f"sh -c {shlex.quote(both_run)} - %h %p"
    client = make_key(tmp_path / "client")

    async def go() -> float:
        async with serving(tmp_path / "server", client) as server:
            known = tmp_path / "known"
            known.write_text(f"[127.0.0.1]:{server.port} {public(server.key)}\n")
            block = host_block("val1", server, client, known, f"ProxyCommand {command}")
            reach = reaching(inventory(tmp_path, block, "val1"))
            connection = await reach.connect("val1")
            assert (await connection.run("hello", timeout_s=5)).stdout == b"hello"
            began = time.monotonic()
            await reach.__aexit__(None, None, None)
            return time.monotonic() - began

    try:
        assert asyncio.run(asyncio.wait_for(go(), 20)) < 10
        assert runs(int(pid.read_text())) is independent
        gc.collect()
        assert unraised == []
    finally:
        with suppress(ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGKILL)


def test_number_of_a_program_that_ended_may_be_a_strangers() -> None:
    """A group is killed only while nobody new can lead it."""

    async def go() -> None:
        stranger = await asyncio.create_subprocess_exec("sleep", "20", start_new_session=True)
        ended = cast("asyncio.subprocess.Process", SimpleNamespace(returncode=0, pid=stranger.pid))
        kill_group(ended)
        assert runs(stranger.pid)
        kill_group(stranger)
        assert await stranger.wait() == -signal.SIGKILL

    asyncio.run(go())


def runs(number: int) -> bool:
    """Whether the process is there and not merely remembered."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
