"""known_hosts means what it means to OpenSSH: every case is put to both."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from remediations.reach.connection import HostUnreachable
from remediations.reach.known_hosts import KnownHosts, KnownKeys
from tests.unit.reach.sshd import (
    Server,
    host_block,
    inventory,
    make_key,
    openssh,
    public,
    reaching,
    say,
    serving,
)

Lines = Callable[[str, str, Server], str]
"""known_hosts from the server's key, another key, and the server."""

RSA = (
    "ssh-rsa "
    "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDZ9Xw7TuRZRsAufs4ntIWLTxqVdIcNNf8EX27zVCP3+Qy2kn3U"
    "7v6bdTpgTiHuFhWcjdrBlum8L9GFmaqgIBMM44V8s6LlIJS6P5HCalkdAjm2y0/uCaAO+dUIt7tjXknq"
    "uifOls6lRuML50qsbvlMYgvzLXJvjT7HRieOu2CC2Q=="
)
CASES: dict[str, tuple[bool, Lines]] = {
    "port": (True, lambda key, _, s: f"[127.0.0.1]:{s.port} {key}"),
    "bare name for a port": (True, lambda key, _, s: f"127.0.0.1 {key}"),
    "another port": (False, lambda key, _, s: f"[127.0.0.1]:{s.port + 1} {key}"),
    "port's key before the bare name's": (
        False,
        lambda key, other, s: f"127.0.0.1 {key}\n[127.0.0.1]:{s.port} {other}",
    ),
    "pattern with a port": (True, lambda key, _, s: f"[127.*]:{s.port} {key}"),
    "question marks": (True, lambda key, _, s: f"[127.0.?.?]:{s.port} {key}"),
    "a bracket is not a character class": (False, lambda key, _, s: f"[1]27.0.0.* {key}"),
    "negated": (False, lambda key, _, s: f"*,!127.0.0.1,![127.0.0.1]:{s.port} {key}"),
    "negated for the port only": (True, lambda key, _, s: f"*,![127.0.0.1]:{s.port} {key}"),
    "another kind of key": (False, lambda _, __, s: f"[127.0.0.1]:{s.port} {RSA}"),
    "several names": (True, lambda key, _, s: f"val9,[127.0.0.1]:{s.port},x {key} comment"),
    "revoked for the port only": (
        False,
        lambda key, _, s: f"127.0.0.1 {key}\n@revoked [127.0.0.1]:{s.port} {key}",
    ),
    "lines that are none": (
        True,
        lambda key, _, s: (
            f"nonsense\n@unknown * {key}\n* ssh-ed25519 AAAA\n|1|bad|hash {key}\n"
            f"* ssh-new QUJD\n# [127.0.0.1]:{s.port} x\n\xe9 \n [127.0.0.1]:{s.port} {key}"
        ),
    ),
    "commented out": (False, lambda key, _, s: f"#[127.0.0.1]:{s.port} {key}"),
    "commented out, with other ends of lines": (
        False,
        lambda key, _, s: f"# old\x0c[127.0.0.1]:{s.port} {key}\x1c[127.0.0.1]:{s.port} {key}",
    ),
    "key among others": (
        True,
        lambda key, other, s: f"[127.0.0.1]:{s.port} {other}\n[127.0.0.1]:{s.port} {key}",
    ),
    "an authority is not a host key": (False, lambda key, _, s: f"@cert-authority * {key}"),
}


@pytest.mark.parametrize("case", CASES)
def test_verdict_is_that_of_openssh(tmp_path: Path, case: str) -> None:
    """The same lines let in or keep out in both."""
    right, lines = CASES[case]
    client, other = make_key(tmp_path / "client"), make_key(tmp_path / "other")

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = tmp_path / "known"
            known.write_text(lines(public(server.key), public(other), server) + "\n", "latin-1")
            listed = inventory(tmp_path, host_block("val1", server, client, known), "val1")
            assert await openssh(listed, "val1") is right
            if right:
                assert await say(listed, "val1") == "hello"
                return
            with pytest.raises(HostUnreachable) as refusal:
                await say(listed, "val1")
            assert refusal.value.guard == "strict host keys"

    asyncio.run(go())


@pytest.mark.parametrize(
    "files",
    [
        "UserKnownHostsFile {dir}/absent {dir}/known",
        "UserKnownHostsFile {dir}/empty {dir}/known",
        "UserKnownHostsFile none\n  GlobalKnownHostsFile {dir}/absent {dir}/known",
        'UserKnownHostsFile "{dir}/with space" {dir}/empty',
    ],
)
def test_all_files_count_and_absent_ones_do_not(tmp_path: Path, files: str) -> None:
    """Several files, the global one, a name with a space."""
    client = make_key(tmp_path / "client")

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            for name in ("known", "with space"):
                (tmp_path / name).write_text(f"[127.0.0.1]:{server.port} {public(server.key)}\n")
            (tmp_path / "empty").write_text("")
            block = host_block("val1", server, client, tmp_path / "known")
            kept = [line for line in block.splitlines() if "KnownHostsFile" not in line]
            config = "\n".join([*kept, f"  {files.format(dir=tmp_path)}", ""])
            listed = inventory(tmp_path, config, "val1")
            assert await openssh(listed, "val1")
            assert await say(listed, "val1") == "hello"

    asyncio.run(go())


def test_alias_is_looked_up_without_the_port(tmp_path: Path) -> None:
    """HostKeyAlias replaces name and port; a line for the alias with a port says nothing."""
    client = make_key(tmp_path / "client")

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = tmp_path / "known"
            block = host_block("val1", server, client, known, "HostKeyAlias Validator-One")
            listed = inventory(tmp_path, block, "val1")
            known.write_text(f"[validator-one]:{server.port} {public(server.key)}\n")
            assert not await openssh(listed, "val1")
            with pytest.raises(HostUnreachable):
                await say(listed, "val1")
            known.write_text(f"VALIDATOR-one {public(server.key)}\n")
            assert await openssh(listed, "val1")
            assert await say(listed, "val1") == "hello"

    asyncio.run(go())


def test_the_known_kind_of_key_is_asked_for(tmp_path: Path) -> None:
    """A server with two kinds of keys, of which one is known, is let in by that one."""
    client = make_key(tmp_path / "client")
    rsa = make_key(tmp_path / "rsa", "-t", "rsa", "-b", "2048")

    async def go() -> str:
        async with serving(tmp_path / "server", client, host_key=rsa) as server:
            known = tmp_path / "known"
            known.write_text(f"[127.0.0.1]:{server.port} {public(rsa)}\n")
            listed = inventory(tmp_path, host_block("val1", server, client, known), "val1")
            return await say(listed, "val1")

    assert asyncio.run(go()) == "hello"


def test_a_refusal_shows_both_keys(tmp_path: Path) -> None:
    """What the host showed and what is known, as fingerprints; or that none is known, and where."""
    client, other = make_key(tmp_path / "client"), make_key(tmp_path / "other")

    async def go(line: str) -> str:
        async with serving(tmp_path / "server", client) as server:
            known = tmp_path / "known"
            known.write_text(line.format(port=server.port))
            listed = inventory(tmp_path, host_block("val1", server, client, known), "val1")
            with pytest.raises(HostUnreachable) as refusal:
                await say(listed, "val1")
            return refusal.value.got

    changed = asyncio.run(go(f"[127.0.0.1]:{{port}} {public(other)}\n"))
    assert changed.startswith("ssh-ed25519 SHA256:")
    assert "; known: SHA256:" in changed
    assert f"none is known ({tmp_path / 'known'})" in asyncio.run(go(""))


def test_an_address_is_not_a_name(tmp_path: Path) -> None:
    """A key known for the address that the name leads to does not count: DNS could be lying."""
    key = public(make_key(tmp_path / "key"))
    keys = KnownKeys(f"192.0.2.7 {key}\n")
    assert keys.match("val1", "192.0.2.7", None)[0] == []
    assert len(keys.match("192.0.2.7", "", None)[0]) == 1


def test_a_set_of_files_is_read_once(tmp_path: Path) -> None:
    """However many hosts share it."""
    file = tmp_path / "known"
    file.write_text("")
    known = KnownHosts()
    assert known.of((file,)) is known.of((file,))


@pytest.mark.parametrize("shared", ["file", "directory"])
def test_a_file_that_others_could_have_written_says_nothing(tmp_path: Path, shared: str) -> None:
    """It says which hosts are believed; nobody is dialled, and no plan pins what it says."""
    client, place = make_key(tmp_path / "client"), tmp_path / "shared"
    place.mkdir()

    async def go() -> None:
        async with serving(tmp_path / "server", client) as server:
            known = place / "known"
            known.write_text(f"[127.0.0.1]:{server.port} {public(server.key)}\n")
            listed = inventory(tmp_path, host_block("val1", server, client, known), "val1")
            assert await say(listed, "val1") == "hello"
            before = server.connections
            bad = known if shared == "file" else place
            bad.chmod(0o1777)
            with pytest.raises(HostUnreachable) as refusal:
                await say(listed, "val1")
            assert refusal.value.guard == "known_hosts"
            assert refusal.value.got == f"others may write {bad}: mode 1777"
            assert server.connections == before
            async with reaching(listed) as reach:
                login = await reach.login("val1")
            assert login.hops == ()
            assert login.trouble.startswith("known_hosts: others may write")

    asyncio.run(go())


def test_a_link_to_known_hosts_is_followed(tmp_path: Path) -> None:
    """Homes are often kept so."""
    (tmp_path / "real").write_text(f"val1 {public(make_key(tmp_path / 'key'))}\n")
    (tmp_path / "known").symlink_to("real")
    assert KnownHosts().of((tmp_path / "known",)).match("val1", "", None)[0]


def test_a_file_that_cannot_be_read_refuses(tmp_path: Path) -> None:
    """It might revoke a key; the refusal names it."""
    with pytest.raises(OSError, match="absent"):
        KnownHosts().of((tmp_path / "absent",))


def test_lines_are_found_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Plain names, patterns and hashes side by side: what is looked up and what is tried."""
    keys = [make_key(tmp_path / f"key{number}") for number in range(4)]
    hashed = tmp_path / "hashed"
    hashed.write_text(f"val1 {public(keys[2])}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", hashed], check=True, capture_output=True)
    text = f"val1,other {public(keys[0])}\nval* {public(keys[1])}\n{hashed.read_text()}"
    known = KnownKeys(f"{text}val1 {public(keys[3])}\n")
    found, *_ = known.match("VAL1", "", None)
    assert [key.export_public_key().split()[1].decode() for key in found] == [
        public(key).split()[1] for key in keys
    ]
    assert len(known.match("other", "", None)[0]) == 1
    assert known.match("val1.example", "", None)[0] == found[1:2]
