"""Standard streams that neither hold up nor end what writes to them.

Who reads the output of an application may go away (a closed pipe, a full disk, a terminal that hung
up) or stop reading (a stopped terminal, a stalled pipe). Either may cost the words, never the run:
a thread writes them from a queue, to a descriptor of its own. A write neither fails nor waits.

Not with O_NONBLOCK: that is a property of the open file, which the shell has, too.
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
"""Bytes of progress that wait for a reader who does not read; what comes then is left out."""
PATIENCE_S = 10.0
"""How long the end waits for a reader who takes nothing. The report has it all, too."""
PIECE = 4096
"""What a pipe takes as a whole, so that a reader is seen to go on."""


@contextlib.contextmanager
def detached_streams() -> Iterator[None]:
    """Standard output and error are such streams while the block runs; then they are emptied.

    Streams without a descriptor are left as they are: their writers are in this process.
    """
    before = sys.stdout, sys.stderr
    pumps: dict[tuple[int, int], _WriterThread] = {}
    sys.stdout = _detached(sys.stdout, pumps, backlog=None)  # only the answer goes there
    sys.stderr = _detached(sys.stderr, pumps, backlog=BACKLOG)
    try:
        yield
    finally:
        try:
            # A person's Ctrl-C, or SIGTERM: who waited for the reader waits no more.
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
    """The same file, by a descriptor that stays what it is: pytest, which runs the checks, lends
    the number 2 to a file of its own. A detached stream has such a one already."""
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
    """A stream that owns the descriptor and keeps nothing back: of what cannot be written nothing
    is left for its end."""
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
    # One queue for one file: what goes to the same terminal or log stays in order.
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
    """Takes whatever is written, at once. `backlog`: how much may wait before more is left out."""

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
        # Its own: checks are run by pytest, which lends the numbers 1 and 2 to other files.
        self._descriptor = os.dup(descriptor)
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._gone = False
        self._over = False
        self._changed = threading.Condition()
        threading.Thread(target=self._write, name="output", daemon=True).start()

    def take(self, data: bytes, backlog: int | None) -> None:
        """Queue it, unless nobody reads any more, or too much waits already."""
        with self._changed:
            if not self._gone and (backlog is None or self._size + len(data) <= backlog):
                self._waiting.extend(data[at : at + PIECE] for at in range(0, len(data), PIECE))
                self._size += len(data)
                self._changed.notify_all()

    def drain(self) -> None:
        """Wait until all is written, or nothing was for `PATIENCE_S`."""
        with self._changed:
            while size := self._size:
                if not self._changed.wait_for(lambda: self._size < size, PATIENCE_S):
                    return

    def end(self) -> None:
        """Nothing more comes. A thread that still waits for its reader ends with the process."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _write(self) -> None:
        # The main thread's business; and a terminal with `tostop` lets one write in the background
        # who blocks SIGTTOU.
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
            except BlockingIOError:  # somebody else made the file a non-blocking one
                select.select([], [self._descriptor], [])

    def _give_up(self) -> None:
        with self._changed:
            self._gone = True
            self._waiting.clear()
            self._size = 0
            self._changed.notify_all()
