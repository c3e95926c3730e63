"""Work beside the event loop: calls in threads, and child processes that can be ended whole."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
TURN_S = 0.0002
"""How long a thread computes before the loop has the interpreter back. The loop gives it away with
each system call, thousands of them for a hundred hosts: with Python's 5 ms every host would wait
for whoever is being read."""


@contextmanager
def short_switch_interval() -> Iterator[None]:
    """While the block runs, a thread that computes holds up the loop for `TURN_S` at most."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


async def run_in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `function` returns or raises, as `asyncio.to_thread`.

    Raises:
        RuntimeError: it raised StopIteration, which no future can carry: who awaits `to_thread`
            would wait for ever. Generators do the same with it (PEP 479).
    """

    def carried() -> T:
        try:
            return function(*args, **kwargs)
        except StopIteration as error:
            raise RuntimeError("a call in a thread raised StopIteration") from error

    return await asyncio.to_thread(carried)


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
