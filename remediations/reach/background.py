"""Work outside of the event loop: calls in threads, and child processes."""

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
"""Seconds for which a thread computes before the event loop gets the interpreter back. The loop
releases it at each system call, thousands of times for a hundred hosts: with Python's default of
5 ms, every host would wait for the one that is being parsed."""


@contextmanager
def short_switch_interval() -> Iterator[None]:
    """While the block runs, a thread that computes delays the loop by at most `TURN_S`."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


async def run_in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `function` returns or raises, like `asyncio.to_thread`.

    Raises:
        RuntimeError: it raised StopIteration, which a future cannot carry: the caller of
            `to_thread` would wait for ever. Generators replace it in the same way (PEP 479).
    """

    def carried() -> T:
        try:
            return function(*args, **kwargs)
        except StopIteration as error:
            raise RuntimeError("a call in a thread raised StopIteration") from error

    return await asyncio.to_thread(carried)


async def wait_for_exit(process: subprocess.Popen[bytes]) -> int:
    """Wait for a child process and return its exit status. With a pidfd no thread is needed, unlike
    asyncio's own way, which takes one thread for each child."""
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
    """Kill a process that leads its process group, and all that it left in that group.

    After it has ended, its id may be reused, but not while the group has members. So if a process
    with that id is running, nothing is killed.
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
