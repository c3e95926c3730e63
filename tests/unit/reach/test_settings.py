"""Settings are those of `ssh -G`; what it leaves open is expanded as ssh does it."""

from __future__ import annotations

import asyncio
import os
import pwd
from pathlib import Path

import pytest

from remediations.errors import UsageError
from remediations.reach.connection import HostUnreachable
from remediations.reach.routes import Routes
from remediations.reach.settings import SshSettings
from tests.unit.reach.sshd import inventory, resolver


def read(tmp_path: Path, config: str, alias: str = "val1", *, jump: bool = False) -> SshSettings:
    """The settings of `alias` under this ssh_config."""
    return asyncio.run(resolver(inventory(tmp_path, config)).settings(alias, jump=jump))


def refused(tmp_path: Path, config: str) -> HostUnreachable:
    """The refusal that reading this ssh_config ends with."""
    with pytest.raises(HostUnreachable) as refusal:
        read(tmp_path, config)
    return refusal.value


def test_host_match_and_include_are_openssh_s(tmp_path: Path) -> None:
    """First value wins; Match exec, originalhost and final, Include and `Host *` take part."""
    (tmp_path / "more").write_text("Host val1\n  HostName 192.0.2.1\n  Port 2200\n")
    settings = read(
        tmp_path,
        f"Include {tmp_path}/more\n"
        "Match originalhost val1 exec true\n  User first\n  Port 1\n"
        "Match originalhost val1 exec false\n  HostKeyAlias never\n"
        "Host val1\n  User second\n"
        "Host *\n  IdentitiesOnly yes\n"
        "Match final host 192.0.2.1\n  HostKeyAlias last\n",
    )
    assert (settings.hostname, settings.port, settings.user) == ("192.0.2.1", 2200, "first")
    assert (settings.host_key_alias, settings.identities_only) == ("last", True)


def test_tokens_are_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ssh -G` leaves those of IdentityFile, CertificateFile and ProxyCommand to its reader."""
    monkeypatch.setenv("WHERE", "/keys")
    monkeypatch.setenv("HOME", "/somebody/else")
    settings = read(
        tmp_path,
        "Host val1\n  HostName 192.0.2.1\n  User ops\n  Port 7\n  HostKeyAlias k\n"
        "  IdentityFile ~/a-%n\n  IdentityFile %d/b-%r-%u\n  IdentityFile ${WHERE}/c%%\n"
        "  IdentityFile none\n  CertificateFile /x/%k-%p\n  ProxyCommand nc %h %p %%\n",
    )
    me = pwd.getpwuid(os.getuid())
    home = Path(me.pw_dir)
    assert settings.identities == (
        home / "a-val1",
        home / f"b-ops-{me.pw_name}",
        Path("/keys/c%"),
    )
    assert settings.certificates == (Path("/x/k-7"),)
    assert settings.proxy_command == "nc 192.0.2.1 7 %"


@pytest.mark.parametrize("name", ["/x/%Z", "/x/${NO_SUCH_VARIABLE}", "/x/%"])
def test_a_token_without_value_is_refused(tmp_path: Path, name: str) -> None:
    """As OpenSSH does; the refusal names it."""
    error = refused(tmp_path, f"Host val1\n  IdentityFile {name}\n")
    assert error.guard == "ssh_config"
    assert name in error.got


def test_none_means_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key files, no agent, no jump, no command, no known hosts."""
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
    settings = read(
        tmp_path,
        "Host val1\n  IdentityFile none\n  IdentityAgent none\n  ProxyJump none\n"
        "  UserKnownHostsFile none\n  GlobalKnownHostsFile none\n  RequestTTY yes\n"
        "  RemoteCommand ls\n  PermitLocalCommand yes\n  LocalCommand false\n",
    )
    assert (settings.identities, settings.agent, settings.jumps) == ((), None, ())
    assert (settings.proxy_command, settings.known_hosts) == ("", ())


@pytest.mark.parametrize(
    ("option", "agent"),
    [
        ("", "/agent"),
        ("IdentityAgent SSH_AUTH_SOCK", "/agent"),
        ("IdentityAgent $OTHER", "/other"),
        ("IdentityAgent /third", "/third"),
    ],
)
def test_agent_is_the_configured_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, agent: str
) -> None:
    """IdentityAgent, or else the environment's."""
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
    monkeypatch.setenv("OTHER", "/other")
    assert read(tmp_path, f"Host val1\n  {option}\n").agent == agent


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("RevokedHostKeys", "/etc/hostname"),
        ("KnownHostsCommand", "/bin/true"),
        ("PKCS11Provider", "/usr/lib/none.so"),
        ("ProxyUseFdpass", "yes"),
    ],
)
def test_what_we_cannot_honour_is_refused_by_name(tmp_path: Path, option: str, value: str) -> None:
    """With its value; its absence and "none" are fine."""
    error = refused(tmp_path, f"Host val1\n  {option} {value}\n")
    assert (error.guard, error.got) == (option.lower(), value)
    off = "no" if value == "yes" else "none"
    assert read(tmp_path, f"Host val1\n  {option} {off}\n").alias == "val1"


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    """File, line number and word, not only that ssh gave up; and the command that shows it."""
    error = refused(tmp_path, "Host val1\n  NoSuchOption yes\n")
    assert error.guard == "ssh_config"
    assert "line 2" in error.got
    assert "nosuchoption" in error.got.lower()
    assert f"ssh -G -F {tmp_path}/ssh_config val1" in error.next_step


def test_an_absent_ssh_config_is_named(tmp_path: Path) -> None:
    """It was asked for by name, so it has to be there."""
    listed = inventory(tmp_path, "")
    (tmp_path / "ssh_config").unlink()
    with pytest.raises(UsageError) as refusal:
        resolver(listed)
    assert str(tmp_path / "ssh_config") in refusal.value.what


def test_a_name_is_never_an_option(tmp_path: Path) -> None:
    """A name that begins with a dash cannot smuggle a command in."""
    trace = tmp_path / "trace"
    with pytest.raises(HostUnreachable):
        read(tmp_path, "", f"-oKnownHostsCommand=touch {trace}")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("jump", "expected"),
    [
        ("hop", ("hop", 22, "me")),
        ("ops@hop:2222", ("hop", 2222, "ops")),
        ("ops@[::1]:2222", ("::1", 2222, "ops")),
        ("[::1]", ("::1", 22, "me")),
    ],
)
def test_jumps_are_written_as_openssh_writes_them(
    tmp_path: Path, jump: str, expected: tuple[str, int, str]
) -> None:
    """[user@]host[:port], the brackets of IPv6 included."""
    settings = read(tmp_path, "Host *\n  User me\n", jump, jump=True)
    assert (settings.hostname, settings.port, settings.user) == expected


def route(tmp_path: Path, config: str) -> list[tuple[str, str]]:
    """The way to val1: each stop with its ProxyCommand."""

    async def go() -> list[tuple[str, str]]:
        stops = await Routes(resolver(inventory(tmp_path, config))).to("val1")
        return [(stop.alias, stop.proxy_command) for stop in stops]

    return asyncio.run(go())


def test_only_the_first_hop_has_a_way_of_its_own(tmp_path: Path) -> None:
    """`ssh -J a,b`: b is reached through a, whatever b's own ProxyJump says; a by its own."""
    assert route(
        tmp_path,
        "Host val1\n  ProxyJump a,b\nHost a\n  ProxyJump z\nHost b\n  ProxyJump other\n"
        "Host z\n  ProxyCommand nc %h %p\n",
    ) == [("z", "nc z 22"), ("a", ""), ("b", ""), ("val1", "")]


def test_jumps_in_a_circle_are_refused(tmp_path: Path) -> None:
    """At once, with the circle and the way out; `ssh` itself would start processes for ever."""
    with pytest.raises(HostUnreachable) as refusal:
        route(tmp_path, "Host val1\n  ProxyJump a\nHost a\n  ProxyJump b\nHost b\n  ProxyJump a\n")
    assert refusal.value.guard == "jump host: circle"
    assert refusal.value.got == "val1 → a → b → a"
    assert "ProxyJump none" in refusal.value.next_step


def test_a_bastion_behind_itself_is_refused(tmp_path: Path) -> None:
    """`Host *` with a ProxyJump is true of the bastion, too: `ssh -G` says so."""
    with pytest.raises(HostUnreachable) as refusal:
        route(tmp_path, "Host *\n  ProxyJump bastion\n")
    assert "loop" in refusal.value.got
