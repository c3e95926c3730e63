"""The programs that decide whether a signature is good and where a name leads.

They are started by the absolute path that the machine configuration names; PATH is never searched.
A program is started only where nobody but root could have put it there: what `read_trusted` asks of
a file and of the way to it, with root as the only owner.
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
"""The keys of the machine configuration that name them."""
OLDEST_OPENSSH = (8, 7)
"""The first whose ssh-keygen judges a signature as of a given moment (`-O verify-time`)."""
INSTALL = "apt-get install openssh-client"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC0"}
"""All that a program gets of an environment. With UTC a date without a zone means the same
everywhere; nothing of the caller's can change what is found."""

_LIMIT = 64_000_000
_ANSWER_S = 5
_ROOT = frozenset({0})
_VERSION = re.compile(r"OpenSSH_([0-9]{1,3})\.([0-9]{1,3})\S{0,20}")


class Program(Struct, frozen=True):
    """A program that root put there, by its path and the SHA-256 of its file."""

    path: Path
    sha256: str


class OpenSSH(Struct, frozen=True, kw_only=True):
    """The programs of OpenSSH that this machine uses. The versions are such as `OpenSSH_9.2p1`.

    `ssh -V` says that of ssh; ssh-keygen can be asked by nobody. It has the version of the ssh
    that lies beside it, which is installed with it; elsewhere its version is unknown: "".
    """

    ssh: Program
    ssh_version: str
    keygen: Program
    keygen_version: str


def openssh_programs(ssh: Program, keygen: Program) -> OpenSSH:
    """The two programs that are used, with their versions, as a journal should name them.

    Raises:
        MachineError: ssh is too old, or not OpenSSH.
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
    """The program at the absolute `path`, which the key `key` of the machine configuration names,
    if nobody but root can have put it there.

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
