"""A wrapper that runs the daemon: the program is the daemon's, and so is the process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from remediations.systems.hosts.values import Binary
from remediations.values.reading import Known
from tests.unit.observe.fake_host import Host, observe

DAEMON = str(Path(sys.executable).resolve())
"""A program that can run with any arguments, in the place of the daemon's."""
SLEEPS = "import time; time.sleep(60)"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Its unit runs a wrapper around the daemon."""
    host = Host(tmp_path, 1)
    host.arguments = f"-x {DAEMON} start --home {host.home}"
    host.journal = "1795622403.000002 val1 keeper[7]: child ended with 137\n"
    return host


@contextmanager
def running(*argv: str) -> Iterator[int]:
    with subprocess.Popen(argv) as process:
        try:
            yield process.pid
        finally:
            process.kill()


@contextmanager
def wrapper(host: Host) -> Iterator[None]:
    """The main process of the unit, which names the home, too."""
    with running("sh", "-c", "sleep 60; :", "keeper", "start", "--home", str(host.home)) as pid:
        host.main_pid = pid
        yield


def binary(host: Host) -> Binary:
    reading = observe(host).binary
    assert isinstance(reading, Known), reading
    return reading.value


def test_the_program_is_the_one_that_the_wrapper_runs(host: Host) -> None:
    """On disk, and in memory while its process is there."""
    disk = hashlib.sha256(Path(DAEMON).read_bytes()).hexdigest()
    with wrapper(host), running(DAEMON, "-c", SLEEPS, "start", "--home", str(host.home)):
        seen = binary(host)
    assert (seen.path, seen.sha256, seen.running_sha256) == (DAEMON, disk, disk)


def test_a_wrapper_that_outlived_its_daemon(host: Host) -> None:
    """No process of the daemon runs, and its last words are carried as of a unit that ended."""
    with wrapper(host):
        reading = observe(host)
    assert isinstance(reading.binary, Known)
    assert (reading.binary.value.path, reading.binary.value.running_sha256) == (DAEMON, "")
    assert isinstance(reading.journal, Known)
    assert any("child ended with 137" in line.message for line in reading.journal.value)


@pytest.mark.parametrize(
    "arguments",
    ["-x start --home HOME", "-x virtengined start --home HOME", "-x /nowhere/at/all start"],
)
def test_what_names_no_program_is_the_program_itself(host: Host, arguments: str) -> None:
    """A name without a path could be any file; one that is not there is none."""
    host.arguments = arguments.replace("HOME", str(host.home))
    if "--home" not in host.arguments:
        host.arguments += f" --home {host.home}"
    with wrapper(host):
        seen = binary(host)
    assert seen.path == str(host.program)
    assert seen.running_sha256
