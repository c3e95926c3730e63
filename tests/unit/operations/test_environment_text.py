"""The program that writes a service's environment file, run for real under sh as root, with a
stand-in for systemd; and the probe that asks for its effect."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediations.systems.hosts.driver import PROBES
from remediations.systems.hosts.probe import Probe
from remediations.systems.scorer.environment_file import (
    PlannedEnvironment,
    PlannedEnvironmentError,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has files of root")
TEXT = b"# scorer\nOMP_NUM_THREADS=2\nSECRET=hunter2 and more\nTF_DETERMINISTIC_OPS=1\n"
WANTED = TEXT.replace(b"THREADS=2", b"THREADS=1")
INVOCATION = "1" * 32
UNIT = "veid-scorer.service"


class Service:
    """A unit in a directory of root's, and the file of its environment."""

    def __init__(self, root: Path) -> None:
        self.root, self.bin = root, root / "bin"
        self.file = root / "etc/scorer.env"
        for directory in (self.bin, self.file.parent):
            directory.mkdir(mode=0o755)
        self.file.write_bytes(TEXT)
        self.file.chmod(0o640)
        self.command = f"podman run --env-file {self.file} --name veid-scorer image"
        self.files = ""

    def run(self, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        systemctl = f"""#!/bin/sh
case "$*" in
  *LoadState*) echo loaded ;;
  *ExecStart*) echo 'ExecStart={{ argv[]={self.command} ; ignore_errors=no }}'
    echo 'EnvironmentFiles={self.files}' ;;
  *InvocationID*) echo {INVOCATION} ;;
esac
"""
        (self.bin / "systemctl").write_text(systemctl)
        (self.bin / "systemctl").chmod(0o755)
        return subprocess.run(
            ["sh", "-c", text, "remediate", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"},
        )

    def planned(self, **fields: str) -> PlannedEnvironment:
        data = {
            "unit": UNIT,
            "environment_file": str(self.file),
            "taken": "--env-file",
            "settings": "OMP_NUM_THREADS=1",
            "before": "OMP_NUM_THREADS=2",
            "invocation": INVOCATION,
        }
        return PlannedEnvironment.from_data({**data, **fields})

    def back(self, **fields: str) -> PlannedEnvironment:
        one = self.planned(**fields)
        return self.planned(
            **{**fields, "settings": one.before, "before": one.settings, "invocation": ""}
        )

    def asks(self, probe: Probe) -> str:
        return self.run(PROBES, *probe.words).stdout.strip()

    @property
    def beside(self) -> list[str]:
        return sorted(path.name for path in self.file.parent.iterdir())


@pytest.fixture
def service() -> Iterator[Service]:
    root = Path(tempfile.mkdtemp(prefix="settings-", dir="/var/tmp"))
    root.chmod(0o755)
    yield Service(root)
    shutil.rmtree(root)


def test_exactly_the_declared_line_changes(service: Service) -> None:
    """Owner and mode stay, the old bytes are kept, and nothing of another name is told."""
    os.chown(service.file, 0, 7)
    assert service.asks(service.planned().probe) == "probed no"
    done = service.run(service.planned().text)
    assert done.returncode == 0, done.stderr
    assert service.file.read_bytes() == WANTED
    status = service.file.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 7, 0o640)
    assert service.beside == ["scorer.env", "scorer.env.remediate-old"]
    assert (service.file.parent / "scorer.env.remediate-old").read_bytes() == TEXT
    assert "hunter2" not in done.stdout + done.stderr
    assert service.asks(service.planned().probe) == "probed yes"
    assert service.run(service.planned().text).stdout.startswith("already so")


def test_and_is_put_back_byte_for_byte(service: Service) -> None:
    assert service.run(service.planned().text).returncode == 0
    done = service.run(service.back().text)
    assert done.returncode == 0, done.stderr
    assert service.file.read_bytes() == TEXT
    assert service.beside == ["scorer.env"]
    assert service.run(service.back().text).stdout.startswith("already so")
    assert service.asks(service.back().probe) == "probed yes"


def test_a_name_without_a_line_gets_one_and_loses_it_again(service: Service) -> None:
    fields = {
        "settings": "OMP_NUM_THREADS=1 TF_ENABLE_ONEDNN_OPTS=0",
        "before": "OMP_NUM_THREADS=2 -TF_ENABLE_ONEDNN_OPTS",
    }
    done = service.run(service.planned(**fields).text)
    assert done.returncode == 0, done.stderr
    assert service.file.read_bytes() == WANTED + b"TF_ENABLE_ONEDNN_OPTS=0\n"
    assert service.run(service.back(**fields).text).returncode == 0
    assert service.file.read_bytes() == TEXT
    assert service.asks(service.back(**fields).probe) == "probed yes"


def test_an_empty_file_gets_its_first_line(service: Service) -> None:
    service.file.write_bytes(b"")
    done = service.run(service.planned(before="-OMP_NUM_THREADS").text)
    assert done.returncode == 0, done.stderr
    assert service.file.read_bytes() == b"OMP_NUM_THREADS=1\n"


def test_the_half_that_is_done_already_is_no_trouble(service: Service) -> None:
    fields = {
        "settings": "OMP_NUM_THREADS=1 TF_DETERMINISTIC_OPS=1",
        "before": "OMP_NUM_THREADS=2 TF_DETERMINISTIC_OPS=0",
    }
    assert service.run(service.planned(**fields).text).returncode == 0
    assert service.file.read_bytes() == WANTED


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"OMP_NUM_THREADS=3\n", "OMP_NUM_THREADS=3"),
        (b"X=1\n", "without a line"),
        (b'OMP_NUM_THREADS="2"\n', "not NAME=VALUE"),
        (b"export OMP_NUM_THREADS=2\n", "not NAME=VALUE"),
        (b"OMP_NUM_THREADS = 2\n", "not NAME=VALUE"),
        (b"OMP_NUM_THREADS=2\r\n", "not NAME=VALUE"),
        (b"OMP_NUM_THREADS\n", "not NAME=VALUE"),
        (b"OMP_NUM_THREADS=2\nOMP_NUM_THREADS=2\n", "more than one line"),
        (b"X=a \\\nOMP_NUM_THREADS=2\n", "goes on"),
        (b"OMP_NUM_THREADS=2", "does not end"),
    ],
)
def test_another_content_is_refused(service: Service, text: bytes, word: str) -> None:
    service.file.write_bytes(text)
    done = service.run(service.planned().text)
    assert (done.returncode, service.file.read_bytes()) == (64, text)
    assert word in done.stderr
    assert service.beside == ["scorer.env"]


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ("file for others", "others may write to it"),
        ("file for the group", "others may write to it"),
        ("directory for others", "others may write to"),
        ("above for others", "others may write to"),
        ("directory of another", "no directory of root"),
        ("file of another", "not of root"),
        ("link", "no regular file"),
        ("link above", "no directory of root"),
        ("gone", "not there"),
        ("device", "no regular file"),
        ("too big", "more than 64 KiB"),
    ],
)
def test_a_file_that_is_not_roots_alone_is_refused(service: Service, how: str, word: str) -> None:
    """Nothing of it is read, and nothing is changed."""
    file, directory = service.file, service.file.parent
    match how:
        case "file for others":
            file.chmod(0o646)
        case "file for the group":
            file.chmod(0o660)
        case "directory for others":
            directory.chmod(0o1777)
        case "above for others":
            service.root.chmod(0o777)
        case "directory of another":
            os.chown(directory, 1, 1)
        case "file of another":
            os.chown(file, 1, 1)
        case "link":
            file.rename(service.root / "elsewhere")
            file.symlink_to(service.root / "elsewhere")
        case "link above":
            directory.rename(service.root / "real")
            directory.symlink_to(service.root / "real")
        case "gone":
            file.unlink()
        case "device":
            file.unlink()
            os.mkfifo(file)
        case "too big":
            file.write_bytes(TEXT + b"#" * 65536 + b"\n")
    before = sorted(str(path) for path in service.root.rglob("*"))
    done = service.run(service.planned().text)
    assert done.returncode == 64, done.stdout
    assert word in done.stderr
    now = [path for path in service.root.rglob("*") if path.parent != service.bin]
    assert [str(path) for path in sorted(now)] == [p for p in before if "/bin/" not in p]
    if file.is_file():
        assert file.read_bytes().startswith(TEXT)


@pytest.mark.parametrize(
    ("command", "files", "word"),
    [
        ("podman run --name veid-scorer image", "", "no use of"),
        ("podman run --env-file /etc/other.env image", "", "no use of"),
        ("podman run --env-file FILE --env-file /etc/other.env image", "", "no use of"),
        ("podman run --env-file FILE --env OMP_NUM_THREADS=2 image", "", "sets it"),
        ("podman run --env-file=FILE -e OMP_NUM_THREADS image", "", "sets it"),
        ("podman run --env OMP_NUM_THREADS image", "FILE (ignore_errors=no)", "EnvironmentFile"),
    ],
)
def test_a_unit_that_takes_it_otherwise_is_refused(
    service: Service, command: str, files: str, word: str
) -> None:
    service.command = command.replace("FILE", str(service.file))
    service.files = files.replace("FILE", str(service.file))
    done = service.run(service.planned().text)
    assert (done.returncode, service.file.read_bytes()) == (64, TEXT)
    assert word in done.stderr


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("podman run --env OMP_NUM_THREADS image", 0),
        ("podman run -e OMP_NUM_THREADS=${OMP_NUM_THREADS} image", 0),
        ("podman run --env OMP_NUM_THREADS=2 image", 64),
        ("podman run image", 64),
    ],
)
def test_an_environment_of_the_unit_has_to_be_given_to_the_container(
    service: Service, command: str, status: int
) -> None:
    service.command, service.files = command, f"{service.file} (ignore_errors=no)"
    done = service.run(service.planned(taken="EnvironmentFile").text)
    assert done.returncode == status, done.stderr


def test_a_restart_since_is_refused(service: Service) -> None:
    done = service.run(service.planned(invocation="2" * 32).text)
    assert (done.returncode, service.file.read_bytes()) == (64, TEXT)
    assert "restarted since" in done.stderr


def test_what_is_kept_of_before_gives_way(service: Service) -> None:
    """And a link in its place leads nowhere."""
    kept = service.file.with_name("scorer.env.remediate-old")
    kept.symlink_to("/etc/passwd")
    assert service.run(service.planned().text).returncode == 0
    assert not kept.is_symlink()
    assert kept.read_bytes() == TEXT


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("unit", "x; reboot"),
        ("environment_file", "scorer.env"),
        ("environment_file", "/scorer.env"),
        ("environment_file", "/etc/../scorer.env"),
        ("environment_file", "/etc/a b"),
        ("taken", "somehow"),
        ("settings", ""),
        ("settings", "OMP_NUM_THREADS=$(x)"),
        ("settings", "OMP_NUM_THREADS"),
        ("settings", "--threads=1"),
        ("settings", "-OMP_NUM_THREADS=1"),
        ("settings", "OTHER=1"),
        ("settings", "OMP_NUM_THREADS=2"),
        ("settings", "OMP_NUM_THREADS=1 OMP_NUM_THREADS=1"),
        ("invocation", "x"),
    ],
)
def test_what_is_malformed_is_refused(service: Service, field: str, value: str) -> None:
    with pytest.raises(PlannedEnvironmentError):
        service.planned(**{field: value})


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("/etc/x",), 64),
        (("/x", "A=1"), 65),
        (("/etc/../x", "A=1"), 65),
        (("FILE", "a=1"), 65),
        (("FILE", "A=1 2"), 65),
        (("FILE", "A"), 65),
        (("FILE/none", "A=1"), 69),
    ],
)
def test_a_probe_that_cannot_tell_says_neither(
    service: Service, words: tuple[str, ...], status: int
) -> None:
    asked = [word.replace("FILE", str(service.file)) for word in words]
    done = service.run(PROBES, "environment-is", *asked)
    assert (done.returncode, done.stdout) == (status, "")
