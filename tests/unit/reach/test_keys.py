"""Which key gets in: files, a real agent, certificates; and what a refusal says of each."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from remediations.reach.connection import HostUnreachable
from tests.unit.reach.agents import agent, ask
from tests.unit.reach.sshd import (
    Server,
    host_block,
    inventory,
    knows,
    make_key,
    openssh,
    public,
    say,
    serving,
)


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent of whoever runs the tests takes no part."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def attempt(
    tmp_path: Path, client: Path, identity: str, *more: str, authorized: str = ""
) -> tuple[str, Server]:
    """A login with `identity` lines; what the command wrote. OpenSSH comes to the same end."""

    async def go() -> tuple[str, Server]:
        async with serving(tmp_path / "server", client, authorized=authorized) as server:
            block = host_block("val1", server, client, knows(tmp_path / "known", server), *more)
            block = block.replace(f"IdentityFile {client}\n", f"{identity}\n")
            listed = inventory(tmp_path, block, "val1")
            by_openssh = await openssh(listed, "val1")
            server.logins = 0
            try:
                said = await say(listed, "val1")
            except HostUnreachable:
                assert not by_openssh
                raise
            assert by_openssh
            return said, server

    return asyncio.run(go())


def refusal(tmp_path: Path, client: Path, identity: str, *more: str) -> str:
    """What the refusal of this login says it got."""
    with pytest.raises(HostUnreachable) as refused:
        attempt(tmp_path, client, identity, *more)
    assert refused.value.guard == "authentication"
    return refused.value.got


def sign(authority: Path, key: Path, principal: str = "ops") -> Path:
    """A user certificate for a key, beside it."""
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority), "-I", "c", "-n", principal, f"{key}.pub"],
        check=True,
    )
    return key.with_name(f"{key.name}-cert.pub")


def test_absent_files_are_passed_over(tmp_path: Path) -> None:
    """Absent, empty and unreadable ones before the right one."""
    client = make_key(tmp_path / "client")
    (tmp_path / "empty").touch(0o600)
    lines = f"IdentityFile {tmp_path}/absent\nIdentityFile {tmp_path}/empty\nIdentityFile {client}"
    assert attempt(tmp_path, client, lines)[0] == "hello"


def test_none_offers_nothing(tmp_path: Path) -> None:
    """`IdentityFile none` does not mean a file called none, and not the default files either."""
    client = make_key(tmp_path / "client")
    assert "0 keys offered; no agent" in refusal(tmp_path, client, "IdentityFile none")


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    """As with OpenSSH; the refusal says how to mend it."""
    client = make_key(tmp_path / "client")
    client.chmod(0o644)
    assert "others may read it (mode 0644); `chmod 600` it" in refusal(
        tmp_path, client, f"IdentityFile {client}"
    )


def test_a_passphrase_is_never_asked_for(tmp_path: Path) -> None:
    """The key is passed over and named; one behind it still gets in."""
    locked = make_key(tmp_path / "locked")
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-a", "1", "-P", "", "-N", "secret", "-f", str(locked)],
        check=True,
        capture_output=True,
    )
    assert f"{locked}: it has a passphrase and the agent does not hold it" in refusal(
        tmp_path, locked, f"IdentityFile {locked}"
    )
    client = make_key(tmp_path / "client")
    both = f"IdentityFile {locked}\nIdentityFile {client}"
    assert attempt(tmp_path, client, both)[0] == "hello"


@pytest.mark.parametrize("kept", ["all", "private only", "public only"])
def test_the_agent_opens_what_has_a_passphrase(tmp_path: Path, kept: str) -> None:
    """IdentitiesOnly with the key in the agent, known from either file."""
    locked = make_key(tmp_path / "locked")
    line = public(locked)
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-a", "1", "-P", "", "-N", "secret", "-f", str(locked)],
        check=True,
        capture_output=True,
    )
    with agent(tmp_path, locked) as socket:
        if kept == "private only":
            locked.with_name("locked.pub").unlink()
        if kept == "public only":
            locked.unlink()
        said, server = attempt(
            tmp_path,
            make_key(tmp_path / "unused"),
            f"IdentityFile {locked}",
            f"IdentityAgent {socket}",
            authorized=line,
        )
    assert (said, server.logins) == ("hello", 1)


def test_a_pub_file_as_identity_picks_from_the_agent(tmp_path: Path) -> None:
    """`IdentityFile key.pub` with IdentitiesOnly: that key, none of the others."""
    client, other = make_key(tmp_path / "client"), make_key(tmp_path / "other")
    with agent(tmp_path, other, client) as socket:
        use = f"IdentityAgent {socket}"
        assert attempt(tmp_path, client, f"IdentityFile {client}.pub", use)[0] == "hello"
        assert "1 key offered" in refusal(tmp_path, client, f"IdentityFile {other}.pub", use)


def test_the_agent_s_other_keys_need_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Used from SSH_AUTH_SOCK, kept out by IdentitiesOnly and by `IdentityAgent none`."""
    client = make_key(tmp_path / "client")
    with agent(tmp_path, client) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        free = f"IdentityFile {tmp_path}/absent"
        assert "0 keys offered" in refusal(tmp_path, client, free)
        # The first value wins in ssh_config, and this line comes before the block's own.
        free += "\nIdentitiesOnly no"
        assert attempt(tmp_path, client, free)[0] == "hello"
        assert "no agent" in refusal(tmp_path, client, free, "IdentityAgent none")


def test_a_locked_agent_is_named(tmp_path: Path) -> None:
    """`ssh-add -x`: an authentication refusal that says so; unlocked, it gets in."""
    client = make_key(tmp_path / "client")
    with agent(tmp_path, client) as socket:
        ask(socket, tmp_path, "-x")
        identity, use = f"IdentityFile {client}.pub", f"IdentityAgent {socket}"
        got = refusal(tmp_path, client, identity, use)
        assert f"the agent {socket} is locked or holds no key" in got
        ask(socket, tmp_path, "-X")
        assert attempt(tmp_path, client, identity, use)[0] == "hello"


def test_a_dead_agent_is_named_and_files_still_count(tmp_path: Path) -> None:
    """A socket that nobody serves."""
    client, stranger = make_key(tmp_path / "client"), make_key(tmp_path / "stranger")
    dead = f"IdentityAgent {tmp_path}/dead.sock"
    assert attempt(tmp_path, client, f"IdentityFile {client}", dead)[0] == "hello"
    got = refusal(tmp_path, client, f"IdentityFile {stranger}", dead)
    assert f"the agent {tmp_path}/dead.sock does not answer" in got


@pytest.mark.parametrize("place", ["beside", "CertificateFile", "agent"])
def test_user_certificates(tmp_path: Path, place: str) -> None:
    """Beside the key, named by CertificateFile, or for a key that the agent holds."""
    client, authority = make_key(tmp_path / "client"), make_key(tmp_path / "ca")
    trusted = f"cert-authority {public(authority)}"
    certificate = sign(authority, client)
    identity, more = f"IdentityFile {client}", ()
    if place != "beside":
        moved = certificate.rename(tmp_path / "elsewhere.pub")
        identity += f"\nCertificateFile {moved}"
    if place != "agent":
        assert attempt(tmp_path, client, identity, *more, authorized=trusted)[0] == "hello"
        return
    with agent(tmp_path, client) as socket:
        client.unlink()
        use = f"IdentityAgent {socket}"
        assert attempt(tmp_path, client, identity, use, authorized=trusted)[0] == "hello"


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    """The host decides; a broken certificate file is named."""
    client, authority = make_key(tmp_path / "client"), make_key(tmp_path / "ca")
    sign(authority, client, "somebody")
    (tmp_path / "broken.pub").write_text("no certificate\n")
    with pytest.raises(HostUnreachable) as refused:
        attempt(
            tmp_path,
            client,
            f"IdentityFile {client}\nCertificateFile {tmp_path}/broken.pub",
            authorized=f"cert-authority {public(authority)}",
        )
    assert "2 keys offered" in refused.value.got
    assert f"{tmp_path}/broken.pub" in refused.value.got


@pytest.mark.parametrize("where", ["file", "agent"])
def test_an_rsa_key_signs_with_sha_2(tmp_path: Path, where: str) -> None:
    """The kind whose signature algorithm is negotiated, from a file and by the agent."""
    client = make_key(tmp_path / "client", "-t", "rsa", "-b", "2048")
    if where == "file":
        assert attempt(tmp_path, client, f"IdentityFile {client}")[0] == "hello"
        return
    with agent(tmp_path, client) as socket:
        client.unlink()
        use = f"IdentityAgent {socket}"
        assert attempt(tmp_path, client, f"IdentityFile {client}", use)[0] == "hello"
