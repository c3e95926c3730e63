"""Work in a thread of its own, so that the event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
