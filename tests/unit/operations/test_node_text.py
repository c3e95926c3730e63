"""The shell programs, run for real under /bin/sh against a fake systemctl."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.programs import (
    enable_text,
    restart_text,
    restarted_probe,
    start_text,
)
from remediations.systems.hosts.probe import unit_active, unit_enabled
from tests.unit.operations.host import ADDRESS, FakeHost

TextOf = Callable[[PlannedNode], str]

TEXTS = pytest.mark.parametrize("text_of", [start_text, restart_text])


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def test_a_stopped_node_is_started(host: FakeHost) -> None:
    """A start with everything as planned starts the unit once and says so."""
    done = host.run(start_text(host.node()))
    assert (done.returncode, done.stdout) == (0, "started: ve.service is active\n")
    assert host.acts == ["start ve.service"]
    assert host.holds(unit_active("ve.service"))


def test_an_active_node_is_left_alone(host: FakeHost) -> None:
    """A start of what is active is already so, and asks systemd for nothing."""
    host.show(ActiveState="active")
    done = host.run(start_text(host.node()))
    assert (done.returncode, done.stdout) == (0, "already so: ve.service is active\n")
    assert host.acts == []


def test_a_restart_stops_first(host: FakeHost) -> None:
    """A restart is a stop, then a start, in another invocation."""
    host.show(ActiveState="active")
    node = host.node(invocation="a" * 32)
    assert not host.holds(restarted_probe(node))
    done = host.run(restart_text(node))
    assert (done.returncode, done.stderr) == (0, "")
    assert host.acts == ["stop ve.service", "start ve.service"]
    assert host.holds(restarted_probe(node))


def test_a_node_restarted_since_is_left_alone(host: FakeHost) -> None:
    """A restart that was planned for another invocation is already so."""
    host.show(ActiveState="active", InvocationID="c" * 32)
    done = host.run(restart_text(host.node(invocation="a" * 32)))
    assert (done.returncode, done.stdout) == (0, "already so: ve.service was restarted since\n")
    assert host.acts == []


def test_enabling_starts_nothing(host: FakeHost) -> None:
    """Enabling enables, and only that."""
    done = host.run(enable_text(host.node()))
    assert (done.returncode, host.acts) == (0, ["enable --quiet ve.service"])
    assert host.holds(unit_enabled("ve.service"))


@TEXTS
@pytest.mark.parametrize(
    ("change", "got"),
    [
        ("key missing", "got key absent, expected key " + ADDRESS),
        ("key of another", "got key " + "F" * 40),
        ("key garbage", "got key unreadable"),
        ("sign state missing", "got no sign state"),
        ("sign state lower height", "got sign state 39/9/3, expected 40/1/3 or higher"),
        ("sign state lower round", "got sign state 40/0/3"),
        ("sign state lower step", "got sign state 40/1/2"),
        ("sign state garbage", "got sign state unreadable: it is not what CometBFT writes"),
        ("sign state negative", "got sign state unreadable: it is not what CometBFT writes"),
        ("masked", "got ve.service masked"),
        ("unknown unit", "got ve.service not-found"),
        ("another home", "got another home in ve.service"),
        ("a longer home", "got another home in ve.service"),
        ("another user", "got ve.service run by root, expected run by ve"),
        ("disk full", "got 1000 KiB free, expected 262144 KiB"),
        ("data gone", "got no sign state"),
        ("key of zeros", "got key unreadable: it is not a regular file"),
        ("key FIFO", "got key unreadable: it is not a regular file"),
        ("sign state FIFO", "got sign state unreadable: it is not a regular file"),
        ("sign state elsewhere", "got sign state unreadable: it does not lie in the home"),
        ("sign state of 19 digits", "got a sign state with a height of 19 digits"),
    ],
)
def test_a_changed_world_is_refused(host: FakeHost, text_of: TextOf, change: str, got: str) -> None:
    """Whatever differs from the plan ends with 64 and one line, before systemd is asked to act."""
    break_it(host, change)
    done = host.run(text_of(host.node()))
    assert done.returncode == 64, done
    assert done.stderr.startswith("refused: ")
    assert got in done.stderr
    assert done.stderr.count("\n") == 1
    assert host.acts == []


def break_it(host: FakeHost, change: str) -> None:
    key = host.home / "config/priv_validator_key.json"
    match change:
        case "key missing":
            key.unlink()
        case "key of another":
            host.key("F" * 40)
        case "key garbage":
            key.write_text("{}")
        case "sign state missing":
            host.sign_file.unlink()
        case "sign state lower height":
            host.sign_state(39, 9, 3)
        case "sign state lower round":
            host.sign_state(40, 0, 3)
        case "sign state lower step":
            host.sign_state(40, 1, 2)
        case "sign state garbage":
            host.sign_file.write_text("\0\0\0")
        case "sign state negative":
            host.sign_state(-1, 0, 0)
        case "masked":
            host.show(LoadState="masked")
        case "unknown unit":
            host.show(LoadState="not-found")
        case "another home":
            host.show(ExecStart="{ argv[]=/bin/ve start --home /srv/other ; }")
        case "a longer home":
            host.show(ExecStart=f"{{ argv[]=/bin/ve start --home {host.home}2 ; }}")
        case "another user":
            host.show(User="")
        case "disk full":
            host.disk(free_kib=1000)
        case "key of zeros":
            key.unlink()
            key.symlink_to("/dev/zero")
        case "key FIFO":
            key.unlink()
            os.mkfifo(key)
        case "sign state FIFO":
            host.sign_file.unlink()
            os.mkfifo(host.sign_file)
        case "sign state elsewhere":
            (host.home / "data").rename(host.root / "elsewhere")
            (host.home / "data").symlink_to(host.root / "elsewhere")
        case "sign state of 19 digits":
            host.sign_state(10**18, 0, 1)
        case "data gone":
            (host.home / "data").rename(host.root / "elsewhere")


@TEXTS
@pytest.mark.parametrize("state", [(40, 1, 3), (40, 2, 1), (41, 0, 0), (10**17, 0, 1)])
def test_a_higher_sign_state_is_fine(
    host: FakeHost, text_of: TextOf, state: tuple[int, int, int]
) -> None:
    """Height, round and step are compared in this order; only lower is refused."""
    host.sign_state(*state)
    assert host.run(text_of(host.node())).returncode == 0


def test_a_compact_key_and_state_are_read(host: FakeHost) -> None:
    """Both files are read however they are laid out."""
    for file in (host.home / "config/priv_validator_key.json", host.sign_file):
        file.write_text(file.read_text().replace("\n", "").replace(" ", ""))
    assert host.run(start_text(host.node())).returncode == 0


def test_a_keyless_node_may_start_if_it_never_signed(host: FakeHost) -> None:
    """A standby without key is started; with a sign state it lost its key, and is refused."""
    (host.home / "config/priv_validator_key.json").unlink()
    node = host.node(address="", sign_height=0, sign_round=0, sign_step=0)
    refused = host.run(start_text(node))
    assert (refused.returncode, host.acts) == (64, [])
    assert "got sign state 40/1/3 and no key" in refused.stderr
    host.sign_file.unlink()
    assert host.run(start_text(node)).returncode == 0


def test_a_second_process_on_the_home_is_refused(host: FakeHost) -> None:
    """Who holds the databases open is found, whatever its name and its kind of lock."""
    lock = host.home / "data/application.db/LOCK"
    lock.touch()
    with lock.open():
        done = host.run(start_text(host.node()))
    assert (done.returncode, host.acts) == (64, [])
    assert "open on the databases, expected no process" in done.stderr


def test_a_start_that_fails_says_so(host: FakeHost) -> None:
    """systemctl's own failure is a failure after acting, not a refusal."""
    (host.unit / "on-start").write_text("exit 1")
    done = host.run(start_text(host.node()))
    assert (done.returncode, done.stderr) == (
        1,
        "failed: systemctl start ve.service ended with 1\n",
    )


def test_a_daemon_that_ends_at_once_is_a_failure(host: FakeHost) -> None:
    """A start that systemd calls done, of a unit that is not active after it, failed."""
    (host.unit / "on-start").write_text("echo activating >ActiveState")
    done = host.run(start_text(host.node()))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "failed: ve.service is activating after the start\n"


def test_a_stop_that_fails_is_not_followed_by_a_start(host: FakeHost) -> None:
    """Nothing is started beside a process that did not go."""
    (host.unit / "on-stop").write_text("exit 1")
    assert host.run(restart_text(host.node())).returncode == 1
    assert host.acts == ["stop ve.service"]


def test_a_lock_that_stays_is_not_followed_by_a_start(host: FakeHost) -> None:
    """A process that outlives its unit keeps the restart from starting a second one."""
    lock = host.home / "data/application.db/LOCK"
    lock.touch()
    with lock.open():
        done = host.run(restart_text(host.node()))
    assert (done.returncode, host.acts) == (1, ["stop ve.service"])
    assert "still open on the databases 10 s after the stop" in done.stderr


def test_a_restart_waits_for_the_lock(host: FakeHost) -> None:
    """A process that needs a moment more than its unit is waited for."""
    lock = host.home / "data/application.db/LOCK"
    lock.touch()
    host.script("sleep", "#!/bin/sh\nexec /bin/sleep 0.2\n")
    with lock.open() as held:
        holder = subprocess.Popen(["/bin/sleep", "0.5"], stdin=held)
    started = time.monotonic()
    done = host.run(restart_text(host.node()))
    holder.wait()
    assert (done.returncode, host.acts) == (0, ["stop ve.service", "start ve.service"])
    assert time.monotonic() - started > 0.2


def test_a_key_that_vanishes_during_the_stop_is_found(host: FakeHost) -> None:
    """The checks run again after the stop: a start without key would zero the sign state."""
    key = host.home / "config/priv_validator_key.json"
    (host.unit / "on-stop").write_text(f"rm {key}")
    done = host.run(restart_text(host.node()))
    assert (done.returncode, host.acts) == (1, ["stop ve.service"])
    assert done.stderr.startswith("stopped and not started: got key absent")


@TEXTS
def test_no_text_prints_or_writes_key_material(host: FakeHost, text_of: TextOf) -> None:
    """The key file is read for its address; home and its files stay as they are, byte for byte."""
    before = {p: p.read_bytes() for p in host.home.rglob("*") if p.is_file()}
    done = host.run(text_of(host.node()))
    assert "priv_key" not in done.stdout + done.stderr
    assert {p: p.read_bytes() for p in host.home.rglob("*") if p.is_file()} == before
