"""What signals mean while a plan is applied.

| signal | comes from | means |
|---|---|---|
| SIGINT | Ctrl-C | the first stops in order, the second leaves at once with a whole journal |
| SIGTERM | kill, systemd, timeout(1) | stops in order, however often it comes |
| SIGHUP | the terminal, or the SSH session, is gone | nothing: the run is finished |
| SIGTSTP | Ctrl-Z | nothing: a run must not be suspended between two stages |
| SIGPIPE | the reader is gone | nothing: Python raises an error on writing instead (`streams`) |
| SIGQUIT | Ctrl-\\ | the end, like `kill -9`: the way out if nothing else works |

Before the run begins and after its engine has ended (connections are closed, checks run), SIGTERM
acts like Ctrl-C, and each Ctrl-C interrupts. A signal that was ignored when the command was started
(`nohup`, a background job of a script) stays ignored. Handlers are functions, never SIG_IGN, which
programs that are started here would inherit.
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
    """Apply the table above while the block runs. Only the main thread can handle signals."""
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
def terminate_as_interrupt() -> Iterator[None]:
    """SIGTERM acts like Ctrl-C while the block runs, so that a screen is taken down. Only the main
    thread can handle signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    _hear(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


@contextlib.contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """While the block runs, SIGINT and SIGTERM call `stop` in the running loop. After the block,
    nothing is left that `stop` could end, and both interrupt."""
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

    # Not the loop's own handlers: after the loop is closed, SIGTERM would kill us during the
    # checks.
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
    """Hear the signal and go on. Unlike SIG_IGN, children do not inherit this."""
