"""Host keys are checked strictly, in every form that OpenSSH knows."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from remediations.model.inventory import Inventory
from remediations.reach.connection import Completed, HostUnreachable
from remediations.reach.ssh import SshReach
from tests.unit.reach.sshd import Server, host_block, inventory, make_key, public, serving

Known = Callable[[Server, Path], str]


async def hello(known: Inventory) -> Completed:
    """Log in to val1 and say something."""
    async with SshReach(known) as reach:
        connection = await reach.connect("val1")
        return await connection.run("hello", timeout_s=5)


def login(tmp_path: Path, known: Known, *more: str) -> tuple[Completed, Server]:
    """A login to a server whose key stands in known_hosts as `known` writes it."""
    client = make_key(tmp_path / "client")

    async def go() -> tuple[Completed, Server]:
        async with serving(tmp_path / "server", client) as server:
            file = tmp_path / "known_hosts"
            file.write_text(known(server, tmp_path))
            config = host_block("val1", server, client, file, *more)
            return await hello(inventory(tmp_path, config, "val1")), server

    return asyncio.run(go())


def plain(server: Server, _: Path) -> str:
    """The host's own line."""
    return f"[127.0.0.1]:{server.port} {public(server.key)}\n"


def hashed(server: Server, directory: Path) -> str:
    """The same with a hashed name, as OpenSSH writes it."""
    file = directory / "hashing"
    file.write_text(plain(server, directory))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    return file.read_text()


def aliased(server: Server, _: Path) -> str:
    """The line of the name that HostKeyAlias gives."""
    return f"validator-one {public(server.key)}\n"


def nobody(_: Server, __: Path) -> str:
    """No line at all."""
    return ""


def changed(server: Server, directory: Path) -> str:
    """Another key for this host."""
    return f"[127.0.0.1]:{server.port} {public(make_key(directory / 'other'))}\n"


def revoked(server: Server, directory: Path) -> str:
    """The right key, and that it is revoked."""
    return plain(server, directory) + f"@revoked * {public(server.key)}\n"


@pytest.mark.parametrize(
    ("known", "more"),
    [(plain, ()), (hashed, ()), (aliased, ("HostKeyAlias validator-one",))],
    ids=["plain", "hashed", "alias"],
)
def test_a_known_key_lets_in(tmp_path: Path, known: Known, more: tuple[str, ...]) -> None:
    """By address and port, by hashed name, by alias."""
    done, server = login(tmp_path, known, *more)
    assert (done.exit_status, done.stdout) == (0, b"hello")
    assert server.commands == ["hello"]


@pytest.mark.parametrize("known", [nobody, changed, revoked])
@pytest.mark.parametrize("check", ["yes", "no", "accept-new"])
def test_any_other_key_is_refused_whatever_the_configuration_says(
    tmp_path: Path, known: Known, check: str
) -> None:
    """StrictHostKeyChecking cannot weaken it, and no login is tried."""
    with pytest.raises(HostUnreachable) as refusal:
        login(tmp_path, known, f"StrictHostKeyChecking {check}")
    assert refusal.value.guard == "strict host keys"
    assert "ssh -F" in refusal.value.next_step


@pytest.mark.parametrize("right", [True, False])
def test_a_host_certificate_counts_by_its_authority(tmp_path: Path, right: bool) -> None:
    """@cert-authority: a certificate of that authority is enough, one of another is nothing."""
    client, authority = make_key(tmp_path / "client"), make_key(tmp_path / "ca")
    other = make_key(tmp_path / "other")
    (tmp_path / "server").mkdir()
    key = make_key(tmp_path / "server" / "host_key")
    subprocess.run(
        [
            "ssh-keygen",
            "-q",
            "-s",
            str(authority),
            "-I",
            "h",
            "-h",
            "-n",
            "127.0.0.1",
            f"{key}.pub",
        ],
        check=True,
    )

    async def go() -> Completed:
        certificate = tmp_path / "server" / "host_key-cert.pub"
        async with serving(tmp_path / "server", client, certificate=certificate) as server:
            file = tmp_path / "known_hosts"
            file.write_text(f"@cert-authority * {public(authority if right else other)}\n")
            return await hello(
                inventory(tmp_path, host_block("val1", server, client, file), "val1")
            )

    if right:
        assert asyncio.run(go()).stdout == b"hello"
    else:
        with pytest.raises(HostUnreachable) as refusal:
            asyncio.run(go())
        assert refusal.value.guard == "strict host keys"


@pytest.mark.parametrize("option", ["RevokedHostKeys /etc/hostname", "KnownHostsCommand /bin/true"])
def test_what_we_cannot_honour_is_refused_by_name(tmp_path: Path, option: str) -> None:
    """Ignoring it would let in what OpenSSH keeps out."""
    with pytest.raises(HostUnreachable) as refusal:
        login(tmp_path, plain, option)
    assert refusal.value.guard == option.split()[0].lower()
