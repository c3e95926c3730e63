"""Real ssh-agents for tests."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def agent(directory: Path, *keys: Path) -> Iterator[Path]:
    """An agent that holds `keys`: its socket."""
    socket = directory / "agent.sock"
    process = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not socket.exists():
            time.sleep(0.005)
        for key in keys:
            ask(socket, directory, "-q", str(key))
        yield socket
    finally:
        process.kill()
        process.wait()


def ask(socket: Path, directory: Path, *arguments: str) -> None:
    """`ssh-add`; whatever it asks is answered with "secret"."""
    answer = directory / "askpass"
    answer.write_text("#!/bin/sh\necho secret\n")
    answer.chmod(0o700)
    env = {**os.environ, "SSH_AUTH_SOCK": str(socket), "SSH_ASKPASS": str(answer)}
    subprocess.run(
        ["ssh-add", *arguments],
        check=True,
        capture_output=True,
        env={**env, "SSH_ASKPASS_REQUIRE": "force"},
    )
