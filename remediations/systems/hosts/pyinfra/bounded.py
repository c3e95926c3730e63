"""Runs one program on this machine, with limits on output and time: both may be up to a remote
host."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

import gevent
from gevent.subprocess import PIPE, Popen

OUTPUT_BYTES = 4_000_000
"""Of each stream; what follows is dropped, and the program is killed."""
CHUNK = 65536


@dataclass(frozen=True, kw_only=True)
class BoundedResult:
    """How it ended. `cut`: there was more output than `OUTPUT_BYTES`, so it was killed, and `code`
    says nothing."""

    code: int
    stdout: bytes
    stderr: bytes
    cut: bool


def run_bounded(
    argv: list[str], stdin: bytes, *, limit_s: float, env: Mapping[str, str] | None = None
) -> BoundedResult:
    """Run `argv`, in our environment or in `env`, without a terminal and out of reach of our
    signals.

    Raises:
        TimeoutError: it did not end within `limit_s` seconds, and was killed.
        OSError: it could not be started.
    """
    # A session of its own: no terminal on which the ssh of a jump host could ask, no Ctrl-C.
    process = Popen(argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True, env=env)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    out, errors = _Bounded(process.stdout), _Bounded(process.stderr)
    readers = [gevent.spawn(out.read), gevent.spawn(errors.read)]
    feeder = gevent.spawn(_feed, process.stdin, stdin)
    try:
        with gevent.Timeout(limit_s, TimeoutError(f"no end within {limit_s:.0f} s")):
            for _ in gevent.iwait(readers):
                if out.cut or errors.cut:
                    process.kill()
                    break  # the other stream might never end
            code = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        gevent.killall([feeder, *readers])
        for stream in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    return BoundedResult(
        code=code,
        stdout=bytes(out.data),
        stderr=bytes(errors.data),
        cut=out.cut or errors.cut,
    )


class _Bounded:
    """A stream, read up to the limit."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.data = bytearray()
        self.cut = False
        self._stream = stream

    def read(self) -> None:
        """Read to the end, or until the limit is exceeded."""
        while chunk := self._stream.read(CHUNK):
            room = OUTPUT_BYTES - len(self.data)
            self.data += chunk[:room]
            if len(chunk) > room:
                self.cut = True
                return


def _feed(stream: IO[bytes], data: bytes) -> None:
    # A command may end before it has read all of its input.
    with contextlib.suppress(BrokenPipeError), stream:
        stream.write(data)
