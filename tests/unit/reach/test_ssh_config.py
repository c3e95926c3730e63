"""ssh_config runs programs as whoever starts ssh: it is judged before that, and read once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from remediations.errors import UsageError
from remediations.files.trusted import read_trusted
from remediations.reach import ssh_config
from remediations.reach.ssh_config import read_ssh_config
from remediations.values.inventory import Inventory
from tests.unit.reach.sshd import inventory, resolver

SOMEBODY = 12345
Change = Callable[[Path], object]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose `.ssh` is empty, on a machine without an ssh_config of its own."""
    directory = tmp_path / "home" / ".ssh"
    directory.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(directory.parent))
    monkeypatch.setattr(ssh_config, "_user_directory", lambda: directory)
    monkeypatch.setattr(ssh_config, "SYSTEM", tmp_path / "etc" / "ssh_config")
    return directory


def refused(listed: Inventory) -> UsageError:
    with pytest.raises(UsageError) as caught:
        resolver(listed)
    error = caught.value
    assert error.guard == "ssh_config"
    assert all((error.got, error.expected, error.next_step))
    return error


def foreign(path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can make files of others")
    os.chown(path, SOMEBODY, SOMEBODY)


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.chmod(0o666),
        foreign,
        lambda file: file.parent.chmod(0o777),
        lambda file: file.parent.chmod(0o1777),
        lambda file: foreign(file.parent),
    ],
)
def test_file_that_others_could_have_written_starts_nothing(tmp_path: Path, change: Change) -> None:
    trace = tmp_path / "trace"
    (tmp_path / "inventories").mkdir()
    listed = inventory(tmp_path / "inventories", f'Match exec "touch {trace}"\n', "val1")
    change(tmp_path / "inventories" / "ssh_config")
    refused(listed)
    assert not trace.exists()


def test_link_that_another_user_could_change_is_refused(tmp_path: Path) -> None:
    listed = inventory(tmp_path, "", "val1")
    real = (tmp_path / "ssh_config").rename(tmp_path / "real")
    (tmp_path / "ssh_config").symlink_to(real)
    assert resolver(listed).config is not None
    if os.geteuid() == 0:
        os.chown(tmp_path / "ssh_config", SOMEBODY, SOMEBODY, follow_symlinks=False)
        assert "belongs to another user" in refused(listed).got


@pytest.mark.parametrize(
    "line",
    [
        "Include {}",
        "include={}",
        '  InClUdE "{}"',
        "\tinclude = /nowhere {} # two",
        "Host other\n  Include {}",
        "Match exec false\n  Include {}",
        '"Include" {}',
        "Include middle",
    ],
)
def test_what_is_included_is_judged_like_it(home: Path, tmp_path: Path, line: str) -> None:
    """Whatever stands above the Include, and however often files include each other."""
    deep = tmp_path / "deep"
    deep.mkdir()
    (deep / "more").write_text("Host val1\n")
    (home / "middle").write_text(f"Include {deep}/mo*\n")
    listed = inventory(tmp_path, line.format(f"{deep}/m?re") + "\n", "val1")
    assert resolver(listed).config is not None
    deep.chmod(0o777)
    assert f"others may write {deep}" in refused(listed).got


def test_own_files_of_openssh_are_judged_where_none_is_named(home: Path, tmp_path: Path) -> None:
    assert read_ssh_config(None) is None
    for path in (home / "config", tmp_path / "etc" / "ssh_config"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("Include more\n")
        assert read_ssh_config(None) is None
        path.with_name("more").write_text("")
        path.with_name("more").chmod(0o666)
        with pytest.raises(UsageError) as caught:
            read_ssh_config(None)
        assert str(path.with_name("more")) in caught.value.what
        path.with_name("more").unlink()


def test_files_that_include_each_other_end(home: Path, tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (home / name).write_text(f"Include {other}\n")
    assert resolver(inventory(tmp_path, "Include a\n")).config is not None


def test_all_that_openssh_reads_was_judged(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what `ssh -v` says that it reads."""
    for name in ("one", "two words", "three"):
        (tmp_path / name).write_text("Host *\n")
    (tmp_path / "one").write_text(f"Host *\nInclude {tmp_path}/thr*\n")
    config = f'Match exec true\n  Include {tmp_path}/one "{tmp_path}/two words" /nowhere/*\n'
    listed = inventory(tmp_path, config)
    words = ("ssh", "-v", "-G", "-F", str(listed.ssh_config), "val1")
    said = subprocess.run(words, capture_output=True, text=True, check=True).stderr
    prefix = "debug1: Reading configuration data "
    read = {line.removeprefix(prefix) for line in said.splitlines() if line.startswith(prefix)}
    judged: set[str] = set()

    def noted(path: Path, *, limit: int, follow: bool) -> object:
        judged.add(str(path))
        return read_trusted(path, limit=limit, follow=follow)

    monkeypatch.setattr(ssh_config, "read_trusted", noted)
    read_ssh_config(listed.ssh_config)
    assert len(read) == 4
    assert read == judged


def test_bytes_that_were_judged_are_those_that_ssh_reads(tmp_path: Path) -> None:
    """Also for `Match final`, for which ssh reads its file twice."""
    text = "Host val1\n  HostName 192.0.2.1\nMatch final host 192.0.2.1\n  Port 7\n"
    asked = resolver(inventory(tmp_path, text))
    (tmp_path / "ssh_config").write_text("Host val1\n  HostName 192.0.2.99\n")
    settings = asyncio.run(asked.settings("val1"))
    assert (settings.hostname, settings.port) == ("192.0.2.1", 7)
    assert settings.argv == ("-F", str(tmp_path / "ssh_config"), "val1")


def test_program_of_a_match_that_stays_delays_nothing(tmp_path: Path) -> None:
    """It has our standard error, and `ssh` does not wait for it; neither do we."""
    began = time.monotonic()
    listed = inventory(tmp_path, 'Match exec "setsid sleep 40 &"\n  Port 7\n', "val1")
    assert asyncio.run(resolver(listed).settings("val1")).port == 7
    assert time.monotonic() - began < 30


def test_match_that_does_not_end_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from remediations.reach import resolver as room
    from remediations.reach.connection import HostUnreachable

    monkeypatch.setattr(room, "SSH_G_TIMEOUT_S", 0.5)
    pid = tmp_path / "pid"
    listed = inventory(tmp_path, f'Match exec "sleep 30 & echo $! >{pid}; wait"\n', "val1")
    with pytest.raises(HostUnreachable) as caught:
        asyncio.run(resolver(listed).settings("val1"))
    assert (caught.value.guard, caught.value.got) == ("ssh -G", "no answer within 0 s")
    end = time.monotonic() + 5
    while _runs(int(pid.read_text())):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_ssh_that_cannot_be_killed_delays_its_own_name_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that reads from a disk that is gone: the loop goes on for the others."""
    from remediations.reach import resolver as room
    from remediations.reach.connection import HostUnreachable

    monkeypatch.setattr(room, "SSH_G_TIMEOUT_S", 0.2)
    monkeypatch.setattr(room, "kill_group", lambda process: None)
    listed = inventory(tmp_path, 'Match exec "sleep 3"\n  Port 7\n', "val1")
    ended: list[str] = []

    async def stuck() -> None:
        with pytest.raises(HostUnreachable):
            await resolver(listed).settings("val1")
        ended.append("stuck")

    async def other() -> None:
        await asyncio.sleep(1)
        ended.append("other")

    async def both() -> None:
        await asyncio.gather(stuck(), other())

    asyncio.run(both())
    assert ended == ["other", "stuck"]


def _runs(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_fifo_in_place_of_ssh_config_is_refused_at_once(tmp_path: Path) -> None:
    listed = inventory(tmp_path, "", "val1")
    (tmp_path / "ssh_config").unlink()
    os.mkfifo(tmp_path / "ssh_config")
    assert "a FIFO" in refused(listed).got


def test_unknown_user_is_left_to_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which says that there is no such user."""

    def nobody(number: int) -> object:
        raise KeyError(number)

    monkeypatch.setattr(ssh_config, "SYSTEM", tmp_path / "none")
    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert read_ssh_config(None) is None
