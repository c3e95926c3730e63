"""A second process on a listening socket of a host, as servers have that let others share their
port (gRPC does by default)."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
from pathlib import Path

from tests.lab.machine import Machine
from tests.lab.shell import LabError

PIDFD_GETFD = 438
"""From asm-generic/unistd.h. Python has no name for it."""
_LIBC = ctypes.CDLL(None, use_errno=True)


def share_port(machine: Machine, port: int) -> subprocess.Popen[bytes]:
    """Start a process in the host that has the socket, too, and never accepts.

    Raises:
        LabError: nobody listens there.
    """
    inode = re.search(r"\bino:(\d+)", machine.sh(f"ss -Hltne 'sport = :{port}'"))
    held = _descriptor(f"socket:[{inode[1]}]") if inode else None
    init = machine.init()
    if held is None or init is None:
        raise LabError(f"{machine.name}: nobody listens on {port}")
    process, descriptor = held
    pidfd = os.pidfd_open(process)
    shared = _LIBC.syscall(PIDFD_GETFD, pidfd, descriptor, 0)
    os.close(pidfd)
    if shared < 0:
        raise LabError(f"{machine.name}: {os.strerror(ctypes.get_errno())}")
    try:
        words = ("nsenter", "-t", str(init), "-p", "sleep", "infinity")
        return subprocess.Popen(words, pass_fds=(shared,), stdin=subprocess.DEVNULL)
    finally:
        os.close(shared)


def _descriptor(link: str) -> tuple[int, int] | None:
    """A process, as seen from outside, and its descriptor that is this."""
    for path in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(path.readlink()) == link:
                return int(path.parts[2]), int(path.name)
        except OSError:
            continue
    return None
