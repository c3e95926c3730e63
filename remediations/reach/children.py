"""Programs that are started in a session of their own, and how they end with all they began."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress


def end_group(process: asyncio.subprocess.Process) -> None:
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
