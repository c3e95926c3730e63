"""One program of this machine, whose output and time are bounded: it may be a host that speaks."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

import gevent
from gevent.subprocess import PIPE, Popen

OUTPUT_BYTES = 4_000_000
"""Of each stream; what comes after is dropped, and the program ended."""
CHUNK = 65536


@dataclass(frozen=True, kw_only=True)
class BoundedResult:
    """How it ended. `cut`: more came than `OUTPUT_BYTES`, so it was ended, and `code` says
    nothing."""

    code: int
    stdout: bytes
    stderr: bytes
    cut: bool


def run_bounded(
    argv: list[str], stdin: bytes, *, limit_s: float, env: Mapping[str, str] | None = None
) -> BoundedResult:
    """Run `argv`, in our environment or in `env`. It is given no terminal, and no signal of ours.

    Raises:
        TimeoutError: it did not end within `limit_s` seconds; it has been killed.
        OSError: it cannot be started.
    """
    # Its own session: no terminal that a jump host's ssh could ask on, no Ctrl-C half-way.
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
                    break  # the other stream may never end by itself
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
    """A stream that is read up to the limit."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.data = bytearray()
        self.cut = False
        self._stream = stream

    def read(self) -> None:
        """Read to the end, or until there is more than the limit."""
        while chunk := self._stream.read(CHUNK):
            room = OUTPUT_BYTES - len(self.data)
            self.data += chunk[:room]
            if len(chunk) > room:
                self.cut = True
                return


def _feed(stream: IO[bytes], data: bytes) -> None:
    # A command may end before it has read its input, or all of it: that is its own affair.
    with contextlib.suppress(BrokenPipeError), stream:
        stream.write(data)
