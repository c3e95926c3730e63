"""Work in a thread of its own, so that the event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
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
