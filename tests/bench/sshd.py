"""One sshd on loopback that answers whatever it is asked with the reading of the address asked.

All of 127.0.0.0/8 is loopback, so a hundred names are a hundred addresses of one server. It is
OpenSSH's: this machine's own, or that of the lab's base image in a mount namespace (root). Where
there is neither, asyncssh serves; it costs as much as its clients do, which hides differences in
time on the clock, not in CPU.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from tests.lab.image import base_image
from tests.lab.needs import missing

START_LIMIT_S = 20.0
SERVE = """#!/bin/sh
case $SSH_ORIGINAL_COMMAND in *base64*) ;; *) cat >/dev/null ;; esac
set -- $SSH_CONNECTION
exec cat "{readings}/$3"
"""
"""Who has the program decoded by its command sends nothing, and does not end what it sends."""
RUN = '#!/bin/sh\nexec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n'
"""Every command is run, as on a host."""
CONFIG = """\
ListenAddress 0.0.0.0:{port}
HostKey {at}/host_key
AuthorizedKeysFile {at}/authorized_keys
ForceCommand {at}/serve
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
MaxStartups 1000
MaxSessions 1000
"""
"""MaxStartups: a peer that opens all connections at once is measured, not reset."""
INSIDE = """
set -e
mount --bind {base} {root}
mount --bind {directory} {root}/srv
mount -t tmpfs tmpfs {root}/run
mkdir {root}/run/sshd
mount --rbind /dev {root}/dev
exec chroot {root} /usr/sbin/sshd -D -e -f /srv/sshd_config
"""


class Way(StrEnum):
    """Who serves, in the words of the report."""

    INSTALLED = "OpenSSH sshd of this machine"
    BASE_IMAGE = "OpenSSH sshd of the lab's base image"
    ASYNCSSH = "asyncssh server"

    @property
    def user(self) -> str:
        """Who logs in: an sshd without root serves its own user only; the image locks others."""
        return "root" if self is Way.BASE_IMAGE else getpass.getuser()


def best_way() -> Way:
    """The best server that can be had here."""
    if _installed():
        return Way.INSTALLED
    return Way.ASYNCSSH if missing() else Way.BASE_IMAGE


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("0.0.0.0", 0)) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def serving(way: Way, directory: Path, port: int, answer: str = SERVE) -> Iterator[None]:
    """Serve `directory`, which has host_key, authorized_keys and readings/ADDRESS. `answer` is the
    program that every command is answered by; asyncssh's server has only the first."""
    log = directory / "sshd.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            _argv(way, directory, port, answer), stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        _wait(process, port, log)
        yield
    finally:
        process.terminate()
        process.wait()


def _installed() -> str | None:
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _argv(way: Way, directory: Path, port: int, answer: str) -> list[str]:
    if way is Way.INSTALLED:
        _configure(directory, directory, port, answer)
        return [str(_installed()), "-D", "-e", "-f", str(directory / "sshd_config")]
    if way is Way.BASE_IMAGE:
        _configure(directory, Path("/srv"), port, answer)
        root = directory.parent / "root"
        root.mkdir(exist_ok=True)
        paths = {"base": base_image(), "root": root, "directory": directory}
        script = INSIDE.format(**{name: shlex.quote(str(path)) for name, path in paths.items()})
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    return [sys.executable, "-m", "tests.bench.asyncssh_server", str(directory), str(port)]


def _configure(directory: Path, at: Path, port: int, answer: str) -> None:
    """Write what sshd reads; `at` is where it sees the directory."""
    (directory / "sshd_config").write_text(CONFIG.format(at=at, port=port))
    serve = directory / "serve"
    serve.write_text(answer.format(readings=at / "readings"))
    serve.chmod(0o755)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the server does not listen: {log.read_text()[-600:]}")
