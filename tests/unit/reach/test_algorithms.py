"""Lists of algorithms in ssh_config take away, for both stacks alike."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from remediations.reach.connection import HostUnreachable
from tests.unit.reach.sshd import (
    host_block,
    inventory,
    knows,
    make_key,
    openssh,
    resolver,
    say,
    serving,
)


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("HostKeyAlgorithms ssh-ed25519", True),
        ("HostKeyAlgorithms ecdsa-sha2-nistp256", False),
        ("HostKeyAlgorithms -ssh-ed25519", False),
        ("KexAlgorithms ecdh-sha2-nistp256", True),
        ("Ciphers aes256-ctr\n  MACs hmac-sha2-512", True),
        ("PubkeyAcceptedAlgorithms rsa-sha2-512", False),
    ],
)
def test_a_forbidden_algorithm_is_not_used(tmp_path: Path, line: str, right: bool) -> None:
    """The server offers all of them and has ed25519 keys only."""
    client = make_key(tmp_path / "client")

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = knows(tmp_path / "known", server)
            listed = inventory(tmp_path, host_block("val1", server, client, known, line), "val1")
            assert await openssh(listed, "val1") is right
            if right:
                assert await say(listed, "val1") == "hello"
                return
            with pytest.raises(HostUnreachable):
                await say(listed, "val1")

    asyncio.run(go())


@pytest.mark.parametrize(
    ("line", "ciphers"),
    [
        ("", ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com")),
        ("Ciphers chacha20-poly1305@openssh.com", ("chacha20-poly1305@openssh.com",)),
        (
            "Ciphers aes256-ctr,chacha20-poly1305@openssh.com,aes128-gcm@openssh.com",
            ("aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"),
        ),
    ],
)
def test_aes_gcm_comes_first_where_it_is_allowed(
    tmp_path: Path, line: str, ciphers: tuple[str, ...]
) -> None:
    """The rest is in the order of the library."""
    listed = inventory(tmp_path, f"Host val1\n  {line}\n")
    settings = asyncio.run(resolver(listed).settings("val1"))
    assert settings.algorithms.ciphers[: len(ciphers)] == ciphers


def test_nothing_left_is_refused_by_name(tmp_path: Path) -> None:
    """A list with what only OpenSSH knows; it is said before anything is dialled."""
    config = "Host val1\n  KexAlgorithms sntrup761x25519-sha512@openssh.com\n"
    with pytest.raises(HostUnreachable) as refusal:
        asyncio.run(resolver(inventory(tmp_path, config)).settings("val1"))
    assert refusal.value.got == "kexalgorithms sntrup761x25519-sha512@openssh.com"
