"""A connection to this machine, which may lose answers, or give others."""

from __future__ import annotations

import asyncio
import subprocess

from remediations.reach.connection import Completed, HostUnreachable

SUDO = """#!/bin/sh
[ "$1" = -n ] || exit 1
shift
exec "$@"
"""


def away() -> HostUnreachable:
    return HostUnreachable(
        "val1: cannot connect", guard="TCP", got="no route", expected="a host", next_step="ssh"
    )


class LocalReach:
    """Runs everything on this machine; may lose answers, or give others."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.forgotten: list[str] = []
        self.loses_answers = 0
        self.loses_commands = 0
        self.max_bytes = 0
        self.sessions = 0
        self.instead: Completed | None = None
        self._environment = environment

    async def connect(self, host: str) -> LocalReach:
        return self

    def forget(self, host: str, lost: LocalReach) -> None:
        assert lost is self
        self.forgotten.append(host)

    async def run(
        self, text: str, *, stdin: bytes = b"", timeout_s: float, max_bytes: int
    ) -> Completed:
        self.max_bytes = max_bytes
        self.sessions += 1
        if self.instead is not None:
            return self.instead
        if self.loses_commands and " launch " in text[-300:]:
            self.loses_commands -= 1
            raise away()
        done = await asyncio.to_thread(
            subprocess.run,
            ["/bin/sh", "-c", text],
            input=stdin,
            capture_output=True,
            env=self._environment,
        )
        if self.loses_answers:
            self.loses_answers -= 1
            raise away()
        return completed(done.returncode, done.stdout, done.stderr)


def completed(
    status: int | None,
    out: bytes = b"",
    err: bytes = b"",
    *,
    timed_out: bool = False,
    truncated: bool = False,
) -> Completed:
    return Completed(
        exit_status=status,
        stdout=out,
        stderr=err,
        duration_ms=1,
        truncated=truncated,
        timed_out=timed_out,
    )
