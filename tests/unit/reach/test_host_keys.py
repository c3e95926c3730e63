"""Host keys are checked strictly, in every form that OpenSSH knows."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from remediations.reach.connection import Completed, HostUnreachable
from remediations.values.inventory import Inventory
from tests.unit.reach.sshd import (
    Server,
    host_block,
    inventory,
    make_key,
    openssh,
    public,
    reaching,
    serving,
)

Known = Callable[[Server, Path], str]


async def hello(known: Inventory) -> Completed:
    """Log in to val1 and say something."""
    async with reaching(known) as reach:
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


AUTHORITIES: dict[str, tuple[bool, str, str]] = {
    "right": (True, "@cert-authority * {ca}", "127.0.0.1"),
    "for the port": (True, "@cert-authority [127.0.0.1]:{port} {ca}", "127.0.0.1"),
    "wrong": (False, "@cert-authority * {other}", "127.0.0.1"),
    "of another domain": (False, "@cert-authority *.example {ca}", "127.0.0.1"),
    "certificate of another host": (False, "@cert-authority * {ca}", "val9"),
    "authority revoked": (False, "@cert-authority * {ca}\n@revoked * {ca}", "127.0.0.1"),
    "key revoked": (False, "@cert-authority * {ca}\n@revoked * {key}", "127.0.0.1"),
}
"""Whether it lets in, known_hosts, and the name in the certificate."""


@pytest.mark.parametrize("case", AUTHORITIES)
def test_a_host_certificate_counts_by_its_authority(tmp_path: Path, case: str) -> None:
    """@cert-authority: a certificate of that authority for that name is enough, as for OpenSSH."""
    right, lines, name = AUTHORITIES[case]
    client, authority = make_key(tmp_path / "client"), make_key(tmp_path / "ca")
    other, key = make_key(tmp_path / "other"), make_key(tmp_path / "host_key")
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority), "-I", "h", "-h", "-n", name, f"{key}.pub"],
        check=True,
    )

    async def go() -> None:
        certificate = tmp_path / "host_key-cert.pub"
        async with serving(
            tmp_path / "server", client, certificate=certificate, host_key=key
        ) as server:
            keys = {"ca": public(authority), "other": public(other), "key": public(key)}
            file = tmp_path / "known_hosts"
            file.write_text(lines.format(port=server.port, **keys) + "\n")
            listed = inventory(tmp_path, host_block("val1", server, client, file), "val1")
            assert await openssh(listed, "val1") is right
            if right:
                assert (await hello(listed)).stdout == b"hello"
                return
            with pytest.raises(HostUnreachable) as refusal:
                await hello(listed)
            assert refusal.value.guard == "strict host keys"

    asyncio.run(go())


def test_key_that_is_known_only_as_an_authority_is_named_as_such(tmp_path: Path) -> None:
    """The plain key of a host is not let in by its own `@cert-authority` line: the refusal shows
    one fingerprint twice, and says why it is not enough."""
    with pytest.raises(HostUnreachable) as refused:
        login(tmp_path, lambda server, _: f"@cert-authority * {public(server.key)}\n")
    shown, _, known = refused.value.got.partition("; known: ")
    assert shown.rpartition(" ")[2] in known
    assert known.endswith(" as an authority only")


def test_name_that_a_certificate_has_to_be_for_is_pinned(tmp_path: Path) -> None:
    """Of one authority the certificate of any host would do under another HostKeyAlias."""
    key = make_key(tmp_path / "authority")
    (tmp_path / "known").write_text(f"@cert-authority * {public(key)}\n")

    def pinned(*more: str) -> tuple[str, ...]:
        lines = (f"UserKnownHostsFile {tmp_path / 'known'}", "GlobalKnownHostsFile none", *more)
        listed = inventory(tmp_path, "Host val1\n" + "".join(f"  {x}\n" for x in lines), "val1")

        async def hop() -> tuple[str, ...]:
            async with reaching(listed) as reach:
                return (await reach.login("val1")).hops[0].host_keys

        return asyncio.run(hop())

    (plain,), (one,), (other,) = pinned(), pinned("HostKeyAlias val1"), pinned("HostKeyAlias val2")
    assert plain.startswith("@cert-authority ssh-ed25519 SHA256:")
    assert (one, other) == (f"{plain} as val1", f"{plain} as val2")
