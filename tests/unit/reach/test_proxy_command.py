"""ProxyCommand is a program like any other: it may complain, fail, and close what it likes."""

from __future__ import annotations

import asyncio
import shlex
import sys
from pathlib import Path

import pytest

from tests.unit.reach.as_ssh import both, openssh, say
from tests.unit.reach.sshd import host_block, inventory, make_key, public, serving

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
    """What it says on stderr, at any time, is no part of the conversation."""
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
