"""The programs that decide whether a signature is good and where a name leads.

They are started by the absolute path in the machine configuration; PATH is never searched. A
program is started only if nobody but root could have installed it: `read_trusted` checks the file
and its path, with root as the only accepted owner.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
import subprocess
from pathlib import Path

from msgspec import Struct

from remediations.errors import MachineError
from remediations.files.trusted import read_trusted

SSH, SSH_KEYGEN = "ssh", "ssh_keygen"
"""The keys of the machine configuration for these programs."""
OLDEST_OPENSSH = (8, 7)
"""The first version whose ssh-keygen can verify a signature as of a given time (`-O verify-time`).
"""
INSTALL = "apt-get install openssh-client"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC0"}
"""The whole environment of a program, so that nothing from the caller's can change the result. With
UTC a date without a zone means the same everywhere."""

_LIMIT = 64_000_000
_ANSWER_S = 5
_ROOT = frozenset({0})
_VERSION = re.compile(r"OpenSSH_([0-9]{1,3})\.([0-9]{1,3})\S{0,20}")


class Program(Struct, frozen=True):
    """A program that root installed: its path, and the SHA-256 of its file."""

    path: Path
    sha256: str


class OpenSSH(Struct, frozen=True, kw_only=True):
    """The OpenSSH programs that this machine uses. A version is, for example, `OpenSSH_9.2p1`.

    `ssh -V` prints the version of ssh; ssh-keygen has no such option. In the same directory it is
    taken to have ssh's version, with which it is installed; otherwise its version is unknown: "".
    """

    ssh: Program
    ssh_version: str
    keygen: Program
    keygen_version: str


def openssh_programs(ssh: Program, keygen: Program) -> OpenSSH:
    """The two programs with their versions, as a journal records them.

    Raises:
        MachineError: ssh is too old, or is not OpenSSH.
    """
    version = openssh_version(ssh)
    together = ssh.path.resolve().parent == keygen.path.resolve().parent
    return OpenSSH(
        ssh=ssh,
        ssh_version=version,
        keygen=keygen,
        keygen_version=version if together else "",
    )


def load_program(path: Path, key: str) -> Program:
    """The program at the absolute `path`, which is the value of `key` in the machine configuration,
    if nobody but root can have installed it.

    Raises:
        MachineError: it is missing, is not an executable file, or others could have changed it.
    """
    try:
        file = read_trusted(path, limit=_LIMIT, refusal=MachineError, by=_ROOT, follow=True)
    except MachineError as error:
        raise MachineError(
            error.what,
            guard=key,
            got=error.got,
            expected=error.expected,
            next_step=f"`ls -ld {shlex.quote(str(path))}`; {_elsewhere(key)}",
        ) from error
    except OSError as error:
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
        raise MachineError(
            f"{path} is not installed" if missing else f"{path} cannot be read",
            guard=key,
            got=error.strerror or str(error),
            expected=f"OpenSSH {'.'.join(map(str, OLDEST_OPENSSH))} or newer",
            next_step=f"{INSTALL}; if it is elsewhere, {_elsewhere(key)}",
        ) from error
    if not os.access(path, os.X_OK):
        raise MachineError(
            f"{path} is not a program that can be started",
            guard=key,
            got=f"mode {stat.S_IMODE(path.stat().st_mode):04o}",
            expected="an executable file",
            next_step=_elsewhere(key),
        )
    return Program(path, file.sha256)


def openssh_version(ssh: Program) -> str:
    """The version that `ssh -V` prints, such as `OpenSSH_9.2p1`.

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
