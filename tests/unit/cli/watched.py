"""`remediate diagnose --watch` at a desk, with looks that are told beforehand.

As a program: the arguments of the command line; $LOOKS names the files that are seen in turn, or
`hang`, `fail`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.cli.observing import LookNow
from remediations.engine.observe.heard import HostsHeard
from remediations.engine.observe.observation import Observation, Scope, load_observation
from remediations.errors import Unreadable
from remediations.values.inventory import Inventory

HANG, FAIL = "hang", "fail"
Told = Observation | str
Opened = Callable[[Inventory, Scope], AbstractAsyncContextManager[LookNow]]


def looks(told: Sequence[Told], closed: Callable[[], object] = lambda: None) -> Opened:
    """In place of `open_looks`: each look is the next one that was told; the last one repeats."""
    left = _endless(told)

    @asynccontextmanager
    async def opened(_inventory: Inventory, _scope: Scope) -> AsyncIterator[LookNow]:
        async def look(heard: HostsHeard) -> Observation:
            seen = next(left)
            if seen == HANG:
                heard.answered("val1")
                await asyncio.Event().wait()
            if isinstance(seen, str):
                raise unreadable()
            return seen

        try:
            yield look
        finally:
            closed()

    return opened


def _endless(told: Sequence[Told]) -> Iterator[Told]:
    yield from told
    while True:
        yield told[-1]


def unreadable() -> Unreadable:
    """What a look raises whose every host is silent."""
    return Unreadable(
        "no host of the inventory could be read",
        guard="login",
        got="val1: cannot connect",
        expected="a login on at least one host",
        next_step="remediate doctor",
    )


def main() -> None:
    """The command line itself, with the looks of the environment."""
    from remediations.cli.main import main as remediate

    names = os.environ["LOOKS"].split(":")
    told = [name if name in (HANG, FAIL) else _fresh(Path(name)) for name in names]
    opened = looks(told, Path(os.environ["CLOSED"]).touch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("remediations.cli.commands.diagnose.open_looks", opened)
        remediate()


def _fresh(path: Path) -> Observation:
    seen = load_observation(path)
    return replace(seen, tool="test")


if __name__ == "__main__":
    main()
