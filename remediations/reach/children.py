"""Programs that are started in a session of their own, and how they end with all they began."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import suppress

from remediations.reach.aside import run_in_thread


async def wait_for_exit(process: subprocess.Popen[bytes]) -> int:
    """The exit status of a child, once it has ended. Where the kernel tells of it no thread waits,
    as asyncio has one do for each child."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:  # a kernel or a sandbox without it
        return await run_in_thread(process.wait)
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return process.wait()


def kill_group(process: asyncio.subprocess.Process | subprocess.Popen[bytes]) -> None:
    """Kill a process that leads its group, and whatever it left in that group.

    Once it has ended its number may be given to a stranger, but not while its group has members: so
    nothing is killed where a process has the number again.
    """
    if process.returncode is not None and _lives(process.pid):
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
