"""What the machine that runs this tool has and lacks. Starts `ssh -V` and `ssh-add -l`, no more."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from remediations.contact.line import MACHINE, Line, lack, ok, warn

OLDEST_SSH = (8, 2)
"""The first OpenSSH whose ssh-keygen finds the principals of a signature."""
ROOM = 64 << 20
"""Bytes free in the state directory; a run's files take a few hundred kilobytes."""

_LIMIT_S = 5
_VERSION = re.compile(r"OpenSSH_([0-9]+)\.([0-9]+)")
_INSTALL = "apt-get install openssh-client"
_NO_AGENT, _NO_KEYS = 2, 1
"""How `ssh-add -l` ends."""


def machine_lines(state: Path) -> tuple[Line, ...]:
    """Python, OpenSSH, the agent, and the state directory `state` (which is not created)."""
    return (
        ok(MACHINE, "Python", platform.python_version()),
        _ssh(),
        _keygen(),
        _agent(),
        state_line(state),
    )


def _ssh() -> Line:
    done = _said("ssh", "-V")
    if done is None:
        return lack(MACHINE, "ssh", "not installed", _INSTALL)
    text = (done.stderr or done.stdout).strip()
    found = _VERSION.search(text)
    if found is None:
        return warn(MACHINE, "ssh", text[:80] or "no version", "check that OpenSSH's ssh is first")
    if (int(found[1]), int(found[2])) < OLDEST_SSH:
        return lack(MACHINE, "ssh", found[0], f"{_INSTALL}: 8.2 or newer is needed")
    return ok(MACHINE, "ssh", found[0].replace("_", " "))


def _keygen() -> Line:
    path = shutil.which("ssh-keygen")
    if path is None:
        return lack(MACHINE, "ssh-keygen", "not installed", _INSTALL)
    return ok(MACHINE, "ssh-keygen", path)


def _agent() -> Line:
    """A key file without passphrase would do, too: without an agent it is a warning."""
    done = _said("ssh-add", "-l")
    if done is None or done.returncode == _NO_AGENT:
        return warn(
            MACHINE,
            "agent",
            "none answers (a key file without passphrase does, too)",
            'eval "$(ssh-agent)" && ssh-add',
        )
    if done.returncode == _NO_KEYS:
        return warn(MACHINE, "agent", "it holds no key", "ssh-add")
    keys = [line.split()[-1].strip("()") for line in done.stdout.splitlines() if line.split()]
    return ok(MACHINE, "agent", f"{len(keys)} key(s): {', '.join(keys)}")


def state_line(state: Path) -> Line:
    """Whether runs can be kept in `state`, judged without writing there."""
    topic, mend = "state directory", "export REMEDIATE_HOME=DIRECTORY-OF-YOURS"
    place = state
    try:
        while not place.exists() and place != place.parent:
            place = place.parent
        free = shutil.disk_usage(place).free
    except OSError as error:
        return lack(MACHINE, topic, f"{state}: {error.strerror or error}", mend)
    if not place.is_dir():
        return lack(MACHINE, topic, f"{place} is no directory", mend)
    if not os.access(place, os.W_OK | os.X_OK):
        return lack(MACHINE, topic, f"{place} cannot be written", mend)
    if free < ROOM:
        return lack(MACHINE, topic, f"{place}: {free >> 20} MiB free", f"free space, or {mend}")
    there = "" if place == state else " (will be made)"
    return ok(MACHINE, topic, f"{state}{there}, {free >> 30} GiB free")


def _said(*argv: str) -> subprocess.CompletedProcess[str] | None:
    """What a program prints; None where it is missing or does not answer."""
    try:
        return subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_S,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
