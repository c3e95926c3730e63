"""What signals mean while a plan is applied.

| signal | comes from | means |
|---|---|---|
| SIGINT | Ctrl-C | the first stops in order, the second leaves at once with a whole journal |
| SIGTERM | kill, systemd, timeout(1) | stops in order, however often it comes |
| SIGHUP | the terminal, or the SSH session, is gone | nothing: the run is finished |
| SIGTSTP | Ctrl-Z | nothing: a run that stands still between two stages helps nobody |
| SIGPIPE | nobody reads | nothing: Python makes it an error of the write (`streams`) |
| SIGQUIT | Ctrl-\\ | the end, as of `kill -9`: the way out of a process that hears nothing else |

Before the run has begun, and once its engine has ended (connections are closed, checks run),
SIGTERM is a Ctrl-C, and each Ctrl-C counts. What was ignored when the command was started (`nohup`,
a script's background) stays ignored. Functions are installed, never
SIG_IGN: the programs that are started here would inherit that.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP)


@contextlib.contextmanager
def survive_hangup() -> Iterator[None]:
    """The table above holds while the block runs. Only the main thread of a process hears."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in HEARD}
    _hear(signal.SIGTERM, _interrupt)
    _hear(signal.SIGHUP, _nothing)
    _hear(signal.SIGTSTP, _nothing)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextlib.contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """While the block runs, SIGINT and SIGTERM call `stop` in the running loop. After it there is
    nothing left that `stop` could end, and both interrupt."""
    loop = asyncio.get_running_loop()
    asked = False

    def terminate(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            _interrupt(number, frame)
        asked = True
        terminate(number, frame)

    # Not the loop's own handlers: closing the loop would leave SIGTERM deadly while checks run.
    _hear(signal.SIGINT, interrupt)
    _hear(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        _hear(signal.SIGINT, _interrupt)
        _hear(signal.SIGTERM, _interrupt)


def _hear(number: signal.Signals, handler: Callable[[int, FrameType | None], None]) -> None:
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _nothing(_number: int, _frame: FrameType | None) -> None:
    pass
