"""When the files changed that decide how a daemon starts, as the program on a host tells it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediations.engine.observe.observation import Scope
from remediations.systems.hosts.values import FileChange
from remediations.values.reading import Known, Unknown, value_or_none
from tests.unit.observe.fake_host import Host, observe


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host whose RPC port nobody listens on."""
    return Host(tmp_path, 1)


def changes_of(host: Host, scope: Scope = Scope.DECIDING) -> dict[str, FileChange]:
    """What is read, by the name of the file. `apply` reads it again."""
    reading = observe(host, scope).changes
    assert isinstance(reading, Known), reading
    return {Path(change.path).name: change for change in reading.value}


def changed_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.lstat().st_ctime_ns // 1000 / 1_000_000, UTC)


def test_settings_genesis_and_program_are_looked_at(host: Host) -> None:
    """Each file that is there, with the time of its last change; none that is not."""
    host.home.joinpath("config/genesis.json").write_text("{}")
    found = changes_of(host)
    assert set(found) == {"config.toml", "app.toml", "genesis.json", "virtengined"}
    for name in ("config.toml", "app.toml", "genesis.json"):
        change = found[name]
        assert change.path == str(host.home / "config" / name)
        off = change.at - changed_at(host.home / "config" / name)
        assert abs(off.total_seconds()) < 0.001
        assert not change.of_unit


def test_an_old_time_does_not_hide_a_new_file(host: Host) -> None:
    """`cp -p`, an archive or a package gives a program the time at which it was built."""
    os.utime(host.program, (1_000_000_000, 1_000_000_000))
    assert changes_of(host)["virtengined"].at.year > 2001


def test_the_files_of_the_unit_are_told_apart(host: Host, tmp_path: Path) -> None:
    """The unit file, its drop-ins and what it takes its environment from: systemd reads them."""
    for name in ("a.service", "b.conf", "c.conf", "environment"):
        (tmp_path / name).write_text("")
    host.shown = (
        f"FragmentPath={tmp_path}/a.service\nDropInPaths={tmp_path}/b.conf {tmp_path}/c.conf\n"
        f"EnvironmentFiles={tmp_path}/environment (ignore_errors=yes)\nNeedDaemonReload=yes\n"
    )
    found = changes_of(host)
    assert {name for name, change in found.items() if change.of_unit} == {
        "a.service",
        "b.conf",
        "c.conf",
        "environment",
    }
    unit = value_or_none(observe(host).unit)
    assert unit is not None
    assert unit.needs_reload


def test_the_link_of_cosmovisor_changes_with_an_upgrade(host: Host) -> None:
    """The program that it leads to may be years old."""
    current = host.home / "cosmovisor/current"
    binary = host.home / "cosmovisor/upgrades/v2/bin/virtengined"
    binary.parent.mkdir(parents=True)
    binary.write_text("")
    cosmovisor = host.program.with_name("cosmovisor")
    host.program.rename(cosmovisor)
    host.program = cosmovisor
    current.symlink_to(host.home / "cosmovisor/upgrades/v2")
    assert {"current", "virtengined", "cosmovisor"} <= set(changes_of(host))


def test_a_hidden_command_is_not_taken_for_a_file(host: Host) -> None:
    """Names with control characters, or that are not paths, are not looked at."""
    host.shown = "FragmentPath=-f\nDropInPaths=--help \x1b[0m/etc/passwd\n"
    assert {"virtengined", "app.toml", "config.toml"} == set(changes_of(host))


def test_a_look_that_hangs_is_unknown(host: Host) -> None:
    """A home on a file system that does not answer."""
    host.script("stat", "#!/bin/sh\nexec sleep 60\n")
    reading = observe(host, Scope.DECIDING).changes
    assert isinstance(reading, Unknown)
