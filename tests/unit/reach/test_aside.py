"""What a call in a thread raises arrives at whoever awaits it, whatever it is."""

from __future__ import annotations

import asyncio

import pytest

from remediations.reach.background import run_in_thread


def raising(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("error", [StopIteration(), StopIteration("value"), KeyError("x")])
def test_no_exception_keeps_the_caller_waiting(error: Exception) -> None:
    """A future cannot carry StopIteration: `asyncio.to_thread` waits for ever."""

    async def awaited() -> None:
        async with asyncio.timeout(5):
            await run_in_thread(raising, error)

    with pytest.raises((RuntimeError, KeyError)) as raised:
        asyncio.run(awaited())
    assert error in (raised.value, raised.value.__cause__)


def test_arguments_and_result_are_handed_on() -> None:
    assert asyncio.run(run_in_thread(int, "ff", base=16)) == 255
