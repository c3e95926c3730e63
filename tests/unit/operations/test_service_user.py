"""Whoever looks into a home does so as the service user first, and with root's rights only then."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediations.systems.comet import programs
from remediations.systems.comet.configure import PlannedSettings
from remediations.systems.hosts.guest import guest_program
from tests.unit.operations.host import FakeHost

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root only can become somebody else")


@pytest.fixture
def host() -> Iterator[FakeHost]:
    """The home belongs to `nobody`, and so does the service. Who opens a file there is noted."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    host = FakeHost(root)
    host.show(User="nobody")
    opened = root / "opened"
    opened.touch(mode=0o666)
    opened.chmod(0o666)
    host.script("dd", f'#!/bin/sh\necho "$(id -u) ${{1##*/}}" >>{opened}\nexec /bin/dd "$@"\n')
    for path in (host.home, *host.home.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
        path.chmod(0o700 if path.is_dir() else 0o600)
    yield host
    shutil.rmtree(root)


def opened(host: FakeHost) -> set[str]:
    return set((host.root / "opened").read_text().split("\n")) - {""}


def start(host: FakeHost) -> None:
    assert host.run(programs.start_text(host.node(user="nobody"))).returncode == 0


def restart(host: FakeHost) -> None:
    assert host.run(programs.restart_text(host.node(user="nobody"))).returncode == 0


def check(host: FakeHost) -> None:
    text = guest_program(
        "sign_state", str(host.sign_file), home=str(host.home), user="nobody", limit_s=5
    )
    assert '"height":"40"' in host.run(text).stdout


WAYS = [start, restart, check]


@pytest.mark.parametrize("way", WAYS)
def test_files_are_opened_as_the_service_user(host: FakeHost, way: object) -> None:
    """A step and a check: root opens none of what that user may open."""
    assert callable(way)
    way(host)
    assert {line.split()[0] for line in opened(host)} == {str(NOBODY)}


@pytest.mark.parametrize("way", WAYS)
def test_what_that_user_may_not_open_root_does(host: FakeHost, way: object) -> None:
    """A sign state that somebody restored as root is still read, and nothing else so."""
    assert callable(way)
    os.chown(host.sign_file, 0, 0)
    way(host)
    assert "0 priv_validator_state.json" in opened(host)
    assert {line for line in opened(host) if line.startswith("0 ")} == {
        "0 priv_validator_state.json"
    }


def test_a_user_that_does_not_exist_is_who_owns_the_home(host: FakeHost) -> None:
    """A dynamic one, while its unit is stopped."""
    host.show(User="ve-dynamic")
    assert host.run(programs.start_text(host.node(user="ve-dynamic"))).returncode == 0
    assert {line.split()[0] for line in opened(host)} == {str(NOBODY)}


def test_settings_are_written_by_whoever_owns_their_directory(host: FakeHost) -> None:
    """The service user, with whose rights all files stay its own; or root, where nobody else may
    write there. In a directory of somebody else nothing is changed."""
    config = host.home / "config"
    (config / "app.toml").write_text("halt-height = 9\n")
    os.chown(config / "app.toml", NOBODY, NOBODY)
    zero = settings(host, 9, 0)
    assert host.run(programs.configure_text(zero)).stdout == "set: halt-height = 0 (was 9)\n"
    for name in ("app.toml", "app.toml.remediate-old"):
        assert (config / name).stat().st_uid == NOBODY
    assert host.holds(zero.probe)
    os.chown(config, 1, 1)
    config.chmod(0o755)
    refused = host.run(programs.configure_text(settings(host, 0, 9)))
    assert (refused.returncode, (config / "app.toml").read_text()) == (64, "halt-height = 0\n")
    assert "config of user 1, or others may write to it" in refused.stderr
    os.chown(config, 0, 0)
    assert host.run(programs.configure_text(settings(host, 0, 9))).returncode == 0
    assert (config / "app.toml").stat().st_uid == NOBODY


def settings(host: FakeHost, old: int, new: int) -> PlannedSettings:
    """`halt-height`, and nothing else."""
    return PlannedSettings(
        unit="ve.service",
        home=str(host.home),
        user="nobody",
        double_sign_check_height=0,
        halt_height=old,
        halt_time=0,
        new_double_sign_check_height=0,
        new_halt_height=new,
        new_halt_time=0,
    )
