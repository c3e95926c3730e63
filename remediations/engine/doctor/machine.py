"""What the machine that runs this tool has and lacks. Starts `ssh-add -l`, no more."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

from remediations.engine.doctor.line import MACHINE, DoctorLine, lack_line, ok_line, warn_line
from remediations.errors import MachineError
from remediations.machine.programs import SSH_KEYGEN, load_program

ROOM = 64 << 20
"""Bytes free in the state directory; a run's files take a few hundred kilobytes."""

_LIMIT_S = 5
_NO_AGENT, _NO_KEYS = 2, 1
"""How `ssh-add -l` ends."""


def machine_lines(state: Path, ssh_add: Path) -> tuple[DoctorLine, ...]:
    """Python, the agent as `ssh_add` tells of it, and the state directory `state`, which is not
    created."""
    return (
        ok_line(MACHINE, "Python", platform.python_version()),
        agent_line(ssh_add),
        state_line(state),
    )


def agent_line(ssh_add: Path) -> DoctorLine:
    """A key file without passphrase would do, too: without an agent it is a warning."""
    try:
        program = load_program(ssh_add, SSH_KEYGEN)
    except MachineError as error:
        return warn_line(MACHINE, "agent", f"{error.what}: {error.got}", error.next_step)
    done = _said(str(program.path), "-l")
    if done is None or done.returncode == _NO_AGENT:
        return warn_line(
            MACHINE,
            "agent",
            "none answers (a key file without passphrase does, too)",
            'eval "$(ssh-agent)" && ssh-add',
        )
    if done.returncode == _NO_KEYS:
        return warn_line(MACHINE, "agent", "it holds no key", "ssh-add")
    keys = [line.split()[-1].strip("()") for line in done.stdout.splitlines() if line.split()]
    return ok_line(MACHINE, "agent", f"{len(keys)} key(s): {', '.join(keys)}")


def state_line(state: Path) -> DoctorLine:
    """Whether runs can be kept in `state`, judged without writing there."""
    topic, mend = "state directory", "export REMEDIATE_HOME=DIRECTORY-OF-YOURS"
    place = state
    try:
        while not place.exists() and place != place.parent:
            place = place.parent
        free = shutil.disk_usage(place).free
    except OSError as error:
        return lack_line(MACHINE, topic, f"{state}: {error.strerror or error}", mend)
    if not place.is_dir():
        return lack_line(MACHINE, topic, f"{place} is no directory", mend)
    if not os.access(place, os.W_OK | os.X_OK):
        return lack_line(MACHINE, topic, f"{place} cannot be written", mend)
    if free < ROOM:
        return lack_line(
            MACHINE, topic, f"{place}: {free >> 20} MiB free", f"free space, or {mend}"
        )
    there = "" if place == state else " (will be made)"
    return ok_line(MACHINE, topic, f"{state}{there}, {free >> 30} GiB free")


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
