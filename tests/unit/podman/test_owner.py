"""Whose process listens on a port: the program of VP15, run for real on a made /proc."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from remediations.systems.podman.owner import OWN, owner_text

ID, OTHER = "a1" * 32, "b2" * 32
UNIT, CONTAINER, PORT = "scorer.service", "scorer", 8501
STORAGE = "/var/lib/containers/storage/overlay-containers"


class Host:
    """Processes of containers and of units, of which some listen."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "bin").mkdir()
        self.script("podman", f"echo {ID}")
        self.listens()

    def script(self, name: str, text: str) -> None:
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def process(self, pid: int, *, mounts: str = "", command: str = "x", unit: str = "") -> None:
        path = self.root / f"proc/{pid}"
        path.mkdir(parents=True)
        line = f"10 9 0:5 {STORAGE}/{mounts}/userdata/hosts /etc/hosts rw\n" if mounts else ""
        (path / "mountinfo").write_text(line)
        (path / "cmdline").write_bytes(command.replace(" ", "\0").encode() + b"\0")
        (path / "cgroup").write_text(f"0::/system.slice/{unit}\n" if unit else "0::/init.scope\n")
        (path / "comm").write_text("stub\n")

    def listens(self, *pids: int) -> None:
        lines = [f'LISTEN 0 5 *:8501 *:* users:(("x",pid={pid},fd=3))' for pid in pids]
        (self.root / "listening").write_text("\n".join(lines))
        self.script("ss", f"cat {self.root}/listening")

    def says(self, container: str = CONTAINER) -> str:
        text = owner_text(UNIT, container, PORT).replace("/proc/", f"{self.root}/proc/")
        done = subprocess.run(
            ["sh", "-c", text],
            capture_output=True,
            text=True,
            env={"PATH": f"{self.root}/bin:{os.environ['PATH']}"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    made.process(7, mounts=ID)
    made.process(8, command=f"/usr/bin/conmon --api-version 1 -c {ID} -u {ID}")
    made.process(9, mounts=OTHER)
    made.process(10, unit=UNIT)
    made.process(11, unit="other.service")
    return made


@pytest.mark.parametrize(
    ("pids", "container"),
    [((7,), CONTAINER), ((8,), CONTAINER), ((7, 8), CONTAINER), ((10,), "")],
    ids=["its process", "its conmon", "both", "of the unit"],
)
def test_its_own(host: Host, pids: Sequence[int], container: str) -> None:
    host.listens(*pids)
    assert host.says(container) == OWN


@pytest.mark.parametrize(
    ("pids", "container", "pid"),
    [((9,), CONTAINER, 9), ((7, 9), CONTAINER, 9), ((10,), CONTAINER, 10), ((11,), "", 11)],
    ids=["another container's", "one beside", "no container's", "another unit's"],
)
def test_a_stranger(host: Host, pids: Sequence[int], container: str, pid: int) -> None:
    host.listens(*pids)
    assert host.says(container) == f"process {pid} (stub) on port 8501"


def test_what_is_not_known_is_not_its_own(host: Host) -> None:
    assert host.says() == "nobody listens on port 8501"
    host.listens(7)
    host.script("podman", "exit 125")
    assert host.says() == "there is no container scorer"
    host.script("ss", "exit 1")
    assert host.says("") == "no ss (iproute2)"
