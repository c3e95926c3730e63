"""Who keeps which lab, which numbers are taken, and what is left of labs that nobody keeps.

A number is taken as long as somebody holds the lock on its file: the process that boots the lab,
then its keeper. Locks go with the processes, however those end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tests.lab.machine import Machine
from tests.lab.net import LabNet
from tests.lab.shell import LabError
from tests.lab.spec import HOSTS

LOCKS = Path("/run/lock")
NUMBERS = range(100)
"""Two digits: with three, the name of a host's link would exceed the kernel's 15 characters."""
LAST_PROCESS_LIMIT_S = 5.0


def claim_number() -> tuple[int, BinaryIO]:
    """A number that no living lab has, and the lock that makes it ours.

    Raises:
        LabError: all are taken.
    """
    for number in NUMBERS:
        lock = _claim(number)
        if lock is not None:
            return number, lock
    raise LabError(f"{len(NUMBERS)} labs are up; take one down")


def keeper_of(directory: Path) -> int | None:
    """The process id of a lab's keeper, if it lives."""
    try:
        pid = int((directory / "keeper").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if b"tests.lab.keeper" in words and os.fsencode(directory) in words else None


def sweep_dead(labs: Path) -> None:
    """Remove what is left of the labs below a directory whose keeper was killed."""
    for directory in labs.iterdir() if labs.is_dir() else ():
        if keeper_of(directory) is None:
            sweep(directory)


def sweep(directory: Path) -> None:
    """Remove one dead lab: processes, mounts, network, files. Nothing while its number is held:
    then it is being booted, or taken down."""
    try:
        number = int((directory / "number").read_text())
    except (OSError, ValueError):
        return
    lock = _claim(number)
    if lock is None:
        return
    with lock:
        kill_all(directory)
        remove(number, directory)


def remove(number: int, directory: Path) -> None:
    """Mounts, network and files of a lab whose processes are gone."""
    net = LabNet(number)
    for spec in HOSTS:
        Machine(spec, net, directory / "hosts" / spec.name).dispose()
    net.down()
    shutil.rmtree(directory, ignore_errors=True)


def _claim(number: int) -> BinaryIO | None:
    lock = (LOCKS / f"remediations-lab-{number}").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def kill_all(directory: Path) -> None:
    """Kill the hosts of a lab, without a word, and wait for their end.

    Raises:
        LabError: something does not end.
    """
    end = time.monotonic() + LAST_PROCESS_LIMIT_S
    while processes := list(processes_of(directory)):
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > end:
            raise LabError(f"processes of {directory} do not end: {processes}")
        time.sleep(0.05)


def processes_of(directory: Path) -> Iterator[int]:
    """All processes that have a host of this lab as their root, also where nobody supervises it."""
    upper = f"upperdir={directory}/"
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                mounts = (entry / "mountinfo").read_text().splitlines()
                if any(line.split()[4] == "/" and upper in line for line in mounts):
                    yield int(entry.name)
