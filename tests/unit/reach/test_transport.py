"""What ssh_config says about the connection itself decides as it does for `ssh`."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from remediations.reach.connection import HostUnreachable
from tests.unit.reach.as_ssh import both, openssh, say
from tests.unit.reach.sshd import host_block, inventory, make_key, public, serving


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.mark.parametrize(
    "line",
    [
        "BindAddress 127.0.0.9",
        "AddressFamily inet",
        "ServerAliveInterval 2",
        "RequiredRSASize 4096",
    ],
)
def test_what_can_be_agreed_on_is(tmp_path: Path, line: str) -> None:
    """Both sides have it: it is used."""
    both(tmp_path, line, right=True)


@pytest.mark.parametrize(
    ("line", "guard"),
    [
        ("PubkeyAuthentication no", "authentication"),
        ("PreferredAuthentications password", "authentication"),
        ("BindInterface no-such-if", "bindinterface"),
        ("AddressFamily inet6", "DNS"),
    ],
)
def test_what_is_forbidden_is_not_done(tmp_path: Path, line: str, guard: str) -> None:
    """`ssh` does not come through either."""
    assert both(tmp_path, line, right=False).startswith(guard)


def test_a_small_host_key_is_as_good_as_none(tmp_path: Path) -> None:
    """RequiredRSASize is about what known_hosts has, too."""
    client = make_key(tmp_path / "client")
    small = make_key(tmp_path / "small", "-t", "rsa", "-b", "1024")

    async def go() -> None:
        async with serving(tmp_path / "server", client, host_key=small) as server:
            known = tmp_path / "known"
            known.write_text(f"[127.0.0.1]:{server.port} {public(small)}\n")
            for size, right in ((1024, True), (2048, False)):
                block = host_block("val1", server, client, known, f"RequiredRSASize {size}")
                listed = inventory(tmp_path, block, "val1")
                assert await openssh(listed) is right
                if right:
                    assert await say(listed) == b"hello"
                else:
                    with pytest.raises(HostUnreachable) as refusal:
                        await say(listed)
                    assert refusal.value.guard == "strict host keys"

    asyncio.run(go())


@pytest.mark.parametrize("plain", [True, False])
def test_a_certificate_that_does_not_hold_leaves_the_plain_key(tmp_path: Path, plain: bool) -> None:
    """Signed by an authority that is not ours: the key itself may be known; or else nothing."""
    client = make_key(tmp_path / "client")
    ours, theirs = make_key(tmp_path / "ours"), make_key(tmp_path / "theirs")
    (tmp_path / "server").mkdir()
    key = make_key(tmp_path / "server" / "host_key")
    sign = ("ssh-keygen", "-q", "-s", str(theirs), "-I", "h", "-h", "-n", "127.0.0.1")
    subprocess.run([*sign, f"{key}.pub"], check=True)

    async def go() -> None:
        certificate = tmp_path / "server" / "host_key-cert.pub"
        async with serving(tmp_path / "server", client, certificate=certificate) as server:
            known = tmp_path / "known"
            line = f"[127.0.0.1]:{server.port} {public(key)}\n" if plain else ""
            known.write_text(f"{line}@cert-authority * {public(ours)}\n")
            listed = inventory(tmp_path, host_block("val1", server, client, known), "val1")
            assert await openssh(listed) is plain
            if plain:
                assert await say(listed) == b"hello"
            else:
                with pytest.raises(HostUnreachable):
                    await say(listed)

    asyncio.run(go())


def test_connect_timeout_is_that_of_ssh_config(tmp_path: Path) -> None:
    """A host that never says a word costs ConnectTimeout, not our own ten seconds."""
    client = make_key(tmp_path / "client")

    async def go() -> str:
        quiet = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        async with serving(tmp_path / "server", client) as server:
            block = host_block("val1", server, client, tmp_path / "known", "ConnectTimeout 1")
            port = quiet.sockets[0].getsockname()[1]
            listed = inventory(tmp_path, block.replace(str(server.port), str(port)), "val1")
            with pytest.raises(HostUnreachable) as refusal:
                await say(listed)
            assert refusal.value.guard == "time limit"
        quiet.close()
        return refusal.value.got

    assert asyncio.run(go()) == "no login within 1 s"
