"""The programs that decide whether a signature is good and where a name leads.

They are started by the absolute path that the machine configuration names; PATH is never searched.
A program is started only where nobody but root could have put it there: it, every directory above
it and every link on the way belong to root, and nobody else may write them (a sticky directory
keeps what is root's where it is).
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
import subprocess
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from remediations.errors import MachineError
from remediations.files.trusted import LINKS, read_trusted
from remediations.machine.config import MachineConfig

SSH, SSH_KEYGEN = "ssh", "ssh_keygen"
"""The keys of the machine configuration that name them."""
OLDEST_OPENSSH = (8, 7)
"""The first whose ssh-keygen judges a signature as of a given moment (`-O verify-time`)."""
INSTALL = "apt-get install openssh-client"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC0"}
"""All that a program gets of an environment. With UTC a date without a zone means the same
everywhere; nothing of the caller's can change what is found."""

_LIMIT = 64_000_000
_ANSWER_S = 5
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_VERSION = re.compile(r"OpenSSH_([0-9]{1,3})\.([0-9]{1,3})\S{0,20}")


class Program(Struct, frozen=True):
    """A program that root put there, by its path and the SHA-256 of its file."""

    path: Path
    sha256: str


class OpenSSH(Struct, frozen=True, kw_only=True):
    """The programs of OpenSSH that this machine uses. `version` is what `ssh -V` says, such as
    `OpenSSH_9.2p1`: ssh-keygen cannot be asked, and comes from the same package."""

    version: str
    ssh: Program
    keygen: Program


def load_openssh(config: MachineConfig) -> OpenSSH:
    """Both programs with their version, as a journal should name them.

    Raises:
        MachineError: one is missing, not root's alone, or too old.
    """
    ssh = load_program(config.ssh, SSH)
    version = openssh_version(ssh)
    return OpenSSH(version=version, ssh=ssh, keygen=load_program(config.ssh_keygen, SSH_KEYGEN))


def load_program(path: Path, key: str) -> Program:
    """The program at the absolute `path`, which the key `key` of the machine configuration names,
    if nobody but root can have put it there.

    Raises:
        MachineError: it is missing, is not an executable file, or others could have changed it.
    """
    try:
        *above, (last, found) = _way(path)
        for step, status in (*above, (last, found)):
            _is_roots(key, step, status)
        if not stat.S_ISREG(found.st_mode) or not os.access(last, os.X_OK):
            raise MachineError(
                f"{path} is not a program that can be started",
                guard=key,
                got=f"mode {stat.filemode(found.st_mode)}",
                expected="an executable file",
                next_step=_elsewhere(key),
            )
        return Program(path, read_trusted(last, limit=_LIMIT, refusal=MachineError).sha256)
    except OSError as error:
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
        raise MachineError(
            f"{path} is not installed" if missing else f"{path} cannot be read",
            guard=key,
            got=error.strerror or str(error),
            expected=f"OpenSSH {'.'.join(map(str, OLDEST_OPENSSH))} or newer",
            next_step=f"{INSTALL}; if it is elsewhere, {_elsewhere(key)}",
        ) from error


def openssh_version(ssh: Program) -> str:
    """What `ssh -V` says of itself, such as `OpenSSH_9.2p1`.

    Raises:
        MachineError: it does not answer, is not OpenSSH, or is too old.
    """
    try:
        done = subprocess.run(
            [ssh.path, "-V"],
            capture_output=True,
            timeout=_ANSWER_S,
            stdin=subprocess.DEVNULL,
            env=ENVIRONMENT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _not_new_enough(ssh, str(error)) from error
    said = (done.stderr or done.stdout).decode(errors="replace").strip()
    found = _VERSION.match(said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_OPENSSH:
        raise _not_new_enough(ssh, found[0].rstrip(",") if found else said[:80] or "no version")
    return found[0].rstrip(",")


def _way(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """All that is passed when `path` is opened: directories, links, and the file at the end."""
    pending, here, links = deque(path.parts[1:]), Path("/"), 0
    yield here, here.lstat()
    while pending:
        part = pending.popleft()
        if part == "..":
            here = here.parent
            continue
        step = here / part
        found = step.lstat()
        yield step, found
        if not stat.S_ISLNK(found.st_mode):
            here = step
            continue
        links += 1
        if links > LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = step.readlink()
        if target.is_absolute():
            here = Path("/")
        pending.extendleft(reversed(target.parts[target.is_absolute() :]))


def _is_roots(key: str, step: Path, found: os.stat_result) -> None:
    shared = found.st_mode & _OTHERS_WRITE
    if stat.S_ISLNK(found.st_mode):  # its mode means nothing
        shared = 0
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX:
        shared = 0
    if found.st_uid == 0 and not shared:
        return
    raise MachineError(
        f"{step} could have been replaced by somebody who is not root",
        guard=key,
        got=f"owned by uid {found.st_uid}, mode {stat.S_IMODE(found.st_mode):04o}",
        expected="owned by root, and writable by nobody else",
        next_step=f"`ls -ld {shlex.quote(str(step))}`; {_elsewhere(key)}",
    )


def _elsewhere(key: str) -> str:
    return f'name the right one in the machine configuration: {key} = "/PATH"'


def _not_new_enough(ssh: Program, got: str) -> MachineError:
    return MachineError(
        f"{ssh.path} is not an OpenSSH that can be used",
        guard=SSH,
        got=got,
        expected=f"OpenSSH {'.'.join(map(str, OLDEST_OPENSSH))} or newer",
        next_step=f"{INSTALL}; if it is elsewhere, {_elsewhere(SSH)}",
    )
