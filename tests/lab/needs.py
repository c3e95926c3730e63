"""What the lab needs of this machine, and an error that names what is missing."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess

from tests.lab.cgroups import hierarchies
from tests.lab.shell import LabError
from tests.lab.spec import HOSTS

PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ssh-keygen": "openssh-client",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
}
"""Program → the Debian package that has it."""
INOTIFY_PER_HOST = 6
"""Five of systemd, one of D-Bus; root has 128 by default."""


def missing() -> list[str]:
    """What this machine lacks, each with what to do; empty when hosts can be booted here."""
    if platform.system() != "Linux":
        return [f"Linux (this is {platform.system()})"]
    found = [
        f"{program} (apt-get install {package})"
        for program, package in PROGRAMS.items()
        if shutil.which(program) is None
    ]
    if os.geteuid() != 0:
        found.append("root (run it with sudo)")
    elif not found and not _namespaces():
        found.append("network namespaces (this kernel or container forbids them)")
    elif not found and not all(os.access(group, os.W_OK) for group in hierarchies()):
        found.append("writable control groups (/sys/fs/cgroup)")
    elif not found and not _inotify_room():
        found.append("inotify instances (sysctl fs.inotify.max_user_instances=1024)")
    return found


def require() -> None:
    """Do nothing where the lab can run.

    Raises:
        LabError: it cannot; names everything that is missing.
    """
    lacks = missing()
    if lacks:
        raise LabError(f"hosts cannot be booted here; missing: {', '.join(lacks)}")


def _namespaces() -> bool:
    done = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False)
    return done.returncode == 0


def _inotify_room() -> bool:
    """Whether root may have as many more instances as the hosts need; without them systemd hangs at
    boot and does not say why."""
    libc = ctypes.CDLL(None)
    got = [int(libc.inotify_init1(os.O_CLOEXEC)) for _ in range(INOTIFY_PER_HOST * len(HOSTS))]
    for descriptor in got:
        if descriptor >= 0:
            os.close(descriptor)
    return all(descriptor >= 0 for descriptor in got)
