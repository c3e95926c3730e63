"""Standard streams that neither block nor end the code that writes to them.

The reader of the output may go away (a closed pipe, a full disk, a terminal that hung up) or stop
reading (a stopped terminal, a stalled pipe). Then output may be lost, but the run goes on: a thread
writes the output from a queue to a descriptor of its own. A write neither fails nor waits.

O_NONBLOCK is not used: it is a property of the open file, which is shared with the shell.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

BACKLOG = 1 << 20
"""The most bytes of progress that are queued for a reader; more are dropped."""
PATIENCE_S = 10.0
"""Seconds to wait at the end for a reader that takes nothing. The report has everything as well."""
PIECE = 4096
"""Bytes that a pipe takes at once, so that a slow reader is seen to make progress."""


@contextlib.contextmanager
def detached_streams() -> Iterator[None]:
    """Replace standard output and error by such streams while the block runs, then flush them.

    Streams without a descriptor are left as they are: their readers are in this process.
    """
    before = sys.stdout, sys.stderr
    pumps: dict[tuple[int, int], _WriterThread] = {}
    sys.stdout = _detached(sys.stdout, pumps, backlog=None)  # only the answer goes there
    sys.stderr = _detached(sys.stderr, pumps, backlog=BACKLOG)
    try:
        yield
    finally:
        try:
            # Ctrl-C or SIGTERM ends the waiting for the reader.
            with contextlib.suppress(KeyboardInterrupt, ValueError):  # a library may have closed it
                for stream in (sys.stderr, sys.stdout):
                    stream.flush()
                for pump in pumps.values():
                    pump.drain()
                    pump.end()
        finally:
            sys.stdout, sys.stderr = before


@contextlib.contextmanager
def own_descriptor(stream: TextIO) -> Iterator[TextIO]:
    """The same file through a descriptor that does not change: pytest, which runs the checks,
    redirects descriptor 2. A detached stream already has its own."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    try:
        own = None if isinstance(raw, _QueuedStream) else os.dup(stream.fileno())
    except (OSError, ValueError):  # a stream without a descriptor
        own = None
    if own is None:
        yield stream
        return
    with line_stream(own) as lines:
        yield lines


def line_stream(descriptor: int) -> TextIO:
    """An unbuffered stream that owns the descriptor, so that nothing is left to be written when it
    is closed."""
    raw = io.FileIO(descriptor, "w")
    return io.TextIOWrapper(raw, encoding="utf-8", errors="replace", write_through=True)


def _detached(
    stream: TextIO, pumps: dict[tuple[int, int], _WriterThread], backlog: int | None
) -> TextIO:
    try:
        descriptor = stream.fileno()
        status = os.fstat(descriptor)
    except (OSError, ValueError):
        return stream
    # One queue for each file: output to the same terminal or log stays in order.
    file = status.st_dev, status.st_ino
    if file not in pumps:
        pumps[file] = _WriterThread(descriptor)
    return io.TextIOWrapper(
        io.BufferedWriter(_QueuedStream(descriptor, pumps[file], backlog)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=True,
    )


class _QueuedStream(io.RawIOBase):
    """Accepts all output at once. `backlog` is the most that is queued; more is dropped."""

    def __init__(self, descriptor: int, pump: _WriterThread, backlog: int | None) -> None:
        self._descriptor = descriptor
        self._pump = pump
        self._backlog = backlog

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: ReadableBuffer, /) -> int:
        piece = bytes(data)
        self._pump.take(piece, self._backlog)
        return len(piece)


class _WriterThread:
    """A queue, and the thread that writes it to a file."""

    def __init__(self, descriptor: int) -> None:
        # Its own descriptor: pytest, which runs the checks, redirects descriptors 1 and 2.
        self._descriptor = os.dup(descriptor)
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._gone = False
        self._over = False
        self._changed = threading.Condition()
        threading.Thread(target=self._write, name="output", daemon=True).start()

    def take(self, data: bytes, backlog: int | None) -> None:
        """Queue the data, unless the reader is gone or too much is queued already."""
        with self._changed:
            if not self._gone and (backlog is None or self._size + len(data) <= backlog):
                self._waiting.extend(data[at : at + PIECE] for at in range(0, len(data), PIECE))
                self._size += len(data)
                self._changed.notify_all()

    def drain(self) -> None:
        """Wait until all is written, or there was no progress for `PATIENCE_S`."""
        with self._changed:
            while size := self._size:
                if not self._changed.wait_for(lambda: self._size < size, PATIENCE_S):
                    return

    def end(self) -> None:
        """End the thread. If it still waits for the reader, it ends with the process."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _write(self) -> None:
        # Signals are for the main thread. Blocking SIGTTOU also allows writing from the background
        # to a terminal with `tostop`.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._over)
                if not self._waiting:
                    os.close(self._descriptor)
                    return
                piece = self._waiting[0]
            try:
                written = self._written(piece)
            except OSError:  # a closed pipe, a full disk, a terminal that hung up
                self._give_up()
                os.close(self._descriptor)
                return
            with self._changed:
                self._waiting[0] = piece[written:]
                if not self._waiting[0]:
                    self._waiting.popleft()
                self._size -= written
                self._changed.notify_all()

    def _written(self, piece: bytes) -> int:
        while True:
            try:
                return os.write(self._descriptor, piece)
            except BlockingIOError:  # another process set O_NONBLOCK
                select.select([], [self._descriptor], [])

    def _give_up(self) -> None:
        with self._changed:
            self._gone = True
            self._waiting.clear()
            self._size = 0
            self._changed.notify_all()
