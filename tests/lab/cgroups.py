"""A control group of its own for every host.

Without a manager that makes one, systemd-nspawn puts a host below its caller's control group, and
all hosts of all labs share `system.slice/UNIT`: they remove each other's groups, and every now and
then a service fails to start (219/CGROUP). The hierarchies are those that systemd uses itself: one
on cgroup v2, two on v1 or mixed systems.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
ENTER = (
    'for group in "$1" "$2"; do echo $$ >"$group/cgroup.procs" || exit 1; done; shift 2; exec "$@"'
)
"""`sh -c ENTER sh GROUP GROUP PROGRAM…`: enters both (the same one twice on v2), then runs."""
END_LIMIT_S = 3.0
PERIOD_US = 100_000
"""Of a quota, as the kernel has it by default."""


def hierarchies() -> tuple[Path, Path]:
    """Where systemd keeps its groups; the same place twice on cgroup v2."""
    if (ROOT / "cgroup.controllers").exists():
        return ROOT, ROOT
    named, unified = ROOT / "systemd", ROOT / "unified"
    return named, unified if unified.is_dir() else named


def entering(name: str) -> list[str]:
    """The words in front of a program that make it run in the groups called `name`."""
    groups = [parent / name for parent in hierarchies()]
    for group in groups:
        group.mkdir(exist_ok=True)
    return ["/bin/sh", "-c", ENTER, "sh", *map(str, groups)]


def remove(name: str) -> None:
    """Remove the groups, leaves first, once their processes have ended."""
    end = time.monotonic() + END_LIMIT_S
    for parent in hierarchies():
        group = parent / name
        while group.is_dir() and time.monotonic() < end:
            for directory, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    Path(directory).rmdir()
            time.sleep(0.02)


def limit_cpu(name: str, process: int, percent: int) -> bool:
    """So much of one processor for a process of a host, seen from outside. False where the systemd
    in the host sees to that itself: on cgroup v2 it may, on v1 no host is given that hierarchy."""
    if hierarchies()[0] == ROOT:
        return False
    group = _cpu_group(name)
    group.mkdir(exist_ok=True)
    (group / "cpu.cfs_quota_us").write_text(str(percent * PERIOD_US // 100))
    (group / "cgroup.procs").write_text(str(process))
    return True


def unlimit_cpu(name: str) -> None:
    """All processors for what was limited under this name."""
    group = _cpu_group(name)
    if not group.is_dir():
        return
    for process in (group / "cgroup.procs").read_text().split():
        with contextlib.suppress(OSError):
            (group.parent / "cgroup.procs").write_text(process)
    with contextlib.suppress(OSError):
        group.rmdir()


def _cpu_group(name: str) -> Path:
    return ROOT / "cpu" / f"{name}-limited"
