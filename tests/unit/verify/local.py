"""Rounds whose hosts are all this machine: the programs really run."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from remediations.reach.blocking import Limits
from remediations.reach.connection import Completed, HostUnreachable

SUDO = '#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n'


class LocalReach:
    """Connections to this machine, with programs of the test's own in front of the path."""

    def __init__(self, path: Path) -> None:
        self.tools = path / "tools"
        self.tools.mkdir()
        self.tool("sudo", SUDO)

    def tool(self, name: str, script: str) -> None:
        """A program that is found before the machine's own."""
        file = self.tools / name
        file.write_text(script)
        file.chmod(0o755)

    def run_on_all(
        self, command: str, stdin: Mapping[str, bytes], *, limits: Limits
    ) -> Mapping[str, Completed]:
        return {host: self._run(command, text, limits) for host, text in stdin.items()}

    def ask_beside(
        self,
        command: str,
        stdin: Mapping[str, bytes],
        *,
        limits: Limits,
        heard: Callable[[Mapping[str, Completed | HostUnreachable]], None],
    ) -> None:
        heard(self.run_on_all(command, stdin, limits=limits))

    def _run(self, command: str, text: bytes, limits: Limits) -> Completed:
        environment = {**os.environ, "PATH": f"{self.tools}:{os.environ['PATH']}"}
        done = subprocess.run(
            shlex.split(command),
            input=text,
            capture_output=True,
            env=environment,
            timeout=limits.command_s + 10,
        )
        return Completed(
            exit_status=done.returncode,
            stdout=done.stdout,
            stderr=done.stderr,
            duration_ms=1,
            truncated=False,
            timed_out=False,
        )
