"""The program that swaps a node's program, run for real under /bin/sh against a fake systemctl."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remediations.systems.comet.install import (
    FILES,
    PlannedInstall,
    PlannedProgram,
    install_text,
)
from remediations.systems.comet.planned import PlannedNodeError
from tests.unit.operations.host import FakeHost

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="programs are root's alone")

HEAD = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x3e\x00" + bytes(44)
"""Of a program for 64 bits, little endian, x86-64."""
OLD, NEW = HEAD + b"old", HEAD + b"new"
OTHER_MACHINE = HEAD[:18] + b"\xb7\x00" + HEAD[20:] + b"new"
OTHER_CLASS = HEAD[:4] + b"\x01" + HEAD[5:] + b"new"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class InstallHost(FakeHost):
    """A host with a program, and another one that was brought to it. Its programs cannot run here:
    `systemd-run` answers for them, and notes who was asked."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.path = root / "usr" / "bin" / "ve"
        self.path.parent.mkdir(parents=True)
        self.path.write_bytes(OLD)
        self.path.chmod(0o750)
        self.files = root / "files"
        self.files.mkdir()
        self.brought(NEW)
        self.show(ExecStart=f"{{ path={self.path} ; argv[]=ve start --home {self.home} ; }}")
        self.show(ActiveState="active", User="nobody", MainPID="0")
        self.answers('echo "v2.0"')

    def brought(self, content: bytes, name: str = "") -> Path:
        file = self.files / (name or sha256(content))
        file.write_bytes(content)
        file.chmod(0o755)
        return file

    def answers(self, what: str) -> None:
        """What the new program does when it is asked for its version."""
        self.script("systemd-run", f'#!/bin/sh\necho "$*" >{self.root}/asked\n{what}\n')

    def install(self, new: bytes = NEW, **changes: str | int) -> subprocess.CompletedProcess[str]:
        program = PlannedProgram(path=str(self.path), sha256=sha256(new), replaces=sha256(OLD))
        node = self.node(user="nobody", invocation=self.INVOCATION, **changes)
        text = install_text(PlannedInstall(node=node, program=program))
        return self.run(text.replace(FILES, str(self.files)))

    @property
    def untouched(self) -> bool:
        """Nothing was stopped, swapped or left behind."""
        beside = [path.name for path in self.path.parent.iterdir()]
        return (self.path.read_bytes(), beside, self.acts) == (OLD, ["ve"], [])


@pytest.fixture
def host() -> Iterator[InstallHost]:
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    yield InstallHost(root)
    shutil.rmtree(root)


def test_the_program_is_swapped_between_stop_and_start(host: InstallHost) -> None:
    """With owner and mode of the former one, which is kept by its hash."""
    os.chown(host.path, 0, 65534)
    (host.unit / "on-start").write_text(
        f"cp {host.path} started; echo active >ActiveState; echo b >InvocationID"
    )
    (host.unit / "on-stop").write_text(f"cp {host.path} stopped; echo inactive >ActiveState")
    done = host.install()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"installed: {host.path}, v2.0",
        "started: ve.service is active",
    ]
    assert host.acts == ["stop ve.service", "start ve.service"]
    assert ((host.unit / "stopped").read_bytes(), (host.unit / "started").read_bytes()) == (
        OLD,
        NEW,
    )
    found = host.path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (0, 65534, 0o750)
    assert (host.files / sha256(OLD)).read_bytes() == OLD
    assert sorted(path.name for path in host.files.iterdir()) == sorted(map(sha256, (OLD, NEW)))
    assert [path.name for path in host.path.parent.iterdir()] == ["ve"]


def test_the_new_program_is_asked_before_anything_is_stopped(host: InstallHost) -> None:
    """As the service user, without rights to write or to reach a network."""
    host.install()
    asked = (host.root / "asked").read_text()
    assert f"-- {host.path.parent}/.ve.remediate version --home {host.home}" in asked
    for word in ("--uid=65534", "ProtectSystem=strict", "PrivateNetwork=yes", "LimitFSIZE=0"):
        assert word in asked


def test_the_way_back_is_the_same_way(host: InstallHost) -> None:
    """The former program is there for the next plan."""
    host.install()
    host.show(ActiveState="active", InvocationID=host.INVOCATION)
    back = PlannedProgram(path=str(host.path), sha256=sha256(OLD), replaces=sha256(NEW))
    node = host.node(user="nobody", invocation=host.INVOCATION)
    text = install_text(PlannedInstall(node=node, program=back))
    assert host.run(text.replace(FILES, str(host.files))).returncode == 0
    assert host.path.read_bytes() == OLD


def test_a_program_that_is_in_place_is_only_started(host: InstallHost) -> None:
    """Somebody put it there by hand, and the unit is down."""
    host.path.write_bytes(NEW)
    host.show(ActiveState="failed")
    done = host.install()
    assert (done.returncode, done.stdout) == (0, "started: ve.service is active\n")
    assert not (host.files / sha256(OLD)).exists()


def test_a_unit_that_runs_the_program_is_left_alone(host: InstallHost) -> None:
    """By the process, not by the file: a dead one may still be of the former program."""
    running = subprocess.Popen(["sleep", "60"])
    try:
        own = Path(f"/proc/{running.pid}/exe").read_bytes()
        host.show(MainPID=str(running.pid))
        done = host.install(own)
        assert (done.returncode, host.acts) == (0, [])
        assert done.stdout == "already so: ve.service runs the planned program\n"
    finally:
        running.kill()
        running.wait()


Break = Callable[[InstallHost], object]


@pytest.mark.parametrize(
    ("breaks", "got"),
    [
        (lambda h: (h.files / sha256(NEW)).unlink(), "got no file"),
        (lambda h: h.brought(NEW + b"!", sha256(NEW)), f"with SHA-256 {sha256(NEW + b'!')}"),
        (lambda h: h.files.chmod(0o777), "which others than root may write to"),
        (lambda h: h.path.write_bytes(OLD + b"!"), f"with SHA-256 {sha256(OLD + b'!')}"),
        (lambda h: h.path.unlink(), "got no /"),
        (lambda h: h.path.parent.chmod(0o775), "which others than root may write to"),
        (lambda h: os.chown(h.path.parent, 65534, 0), "which does not belong to root"),
        (lambda h: os.chown(h.path, 65534, 0), "which does not belong to root"),
        (lambda h: h.show(ExecStart=f"{{ path=/x ; argv[]=x --home {h.home} ; }}"), "another prog"),
        (lambda h: h.show(InvocationID="c" * 32), "restarted since"),
        (lambda h: h.answers("exit 1"), "no version: no answer"),
        (lambda h: h.answers("echo 'not found: libx.so' >&2; exit 127"), "libx.so"),
        (lambda h: h.answers("while :; do echo yes; done"), "no version"),
        (lambda h: h.disk(free_kib=300_000 - 1 - 240_000), "KiB free"),
    ],
)
def test_what_does_not_hold_is_refused_and_nothing_is_done(
    host: InstallHost, breaks: Break, got: str
) -> None:
    """Before the unit is stopped: exit 64, and the host is as it was."""
    breaks(host)
    present = host.path.read_bytes() if host.path.exists() else None
    done = host.install()
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.startswith("refused: got ")
    assert got in done.stderr
    assert host.acts == []
    assert (host.path.read_bytes() if host.path.exists() else None) == present
    assert not (host.path.parent / ".ve.remediate").exists()


@pytest.mark.parametrize("content", [OTHER_MACHINE, OTHER_CLASS, b"#!/bin/sh\necho v2\n" * 9])
def test_a_file_for_another_platform_is_refused(host: InstallHost, content: bytes) -> None:
    """By its head, before it is run."""
    host.brought(content)
    done = host.install(content)
    assert done.returncode == 64
    assert "expected" in done.stderr
    assert host.untouched
    assert not (host.root / "asked").exists()


def test_a_link_in_the_programs_place_is_refused(host: InstallHost) -> None:
    """What it leads to may be the package manager's."""
    real = host.path.with_name("ve-1")
    host.path.rename(real)
    host.path.symlink_to(real)
    done = host.install()
    assert done.returncode == 64
    assert f"{host.path} leads to {real}" in done.stderr
    assert host.acts == []


def test_a_copy_of_a_killed_step_is_replaced(host: InstallHost) -> None:
    """Whatever it left."""
    (host.path.parent / ".ve.remediate").write_bytes(b"half")
    (host.files / f"{sha256(OLD)}.part").write_bytes(b"half")
    assert host.install().returncode == 0
    assert host.path.read_bytes() == NEW
    assert (host.files / sha256(OLD)).read_bytes() == OLD
    assert [path.name for path in host.path.parent.iterdir()] == ["ve"]


def test_a_sign_state_that_was_lowered_while_it_stopped(host: InstallHost) -> None:
    """Not started, and the program is still the former one."""
    state = '{"height": "1", "round": 0, "step": 3}'
    (host.unit / "on-stop").write_text(
        f"echo '{state}' >{host.sign_file}; echo inactive >ActiveState"
    )
    done = host.install()
    assert done.returncode == 1
    assert done.stderr.startswith("stopped and not started: got sign state 1/0/3")
    assert host.acts == ["stop ve.service"]
    assert host.path.read_bytes() == OLD


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("path", "/usr/bin/ve; reboot"),
        ("path", "bin/ve"),
        ("path", "/usr/bin/../ve"),
        ("sha256", "A" * 64),
        ("sha256", "a" * 63),
        ("replaces", ""),
        ("replaces", "unknown"),
    ],
)
def test_a_malformed_field_reaches_no_shell(field: str, value: str) -> None:
    """It is refused where the deploy is compiled."""
    good = {"path": "/usr/bin/ve", "sha256": "a" * 64, "replaces": "b" * 64}
    with pytest.raises(PlannedNodeError, match=field):
        PlannedProgram(**{**good, field: value})
