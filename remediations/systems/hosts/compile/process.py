"""One compiling child process: its own session, a control pipe, a time limit."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec

import remediations
from remediations.errors import MachineError
from remediations.systems.hosts.compile.wire import CompileReply, CompileRequest
from remediations.values.wire import WireError, decode

LIMIT_S = 60
"""For one compilation, the start of the child included."""

MAX_REPLY = 64 * 1024 * 1024
"""Bytes; ten thousand hosts with two programs each need about this."""

MAX_LAST_WORDS = 100_000
"""Bytes of stderr that are looked at when a child died."""


class Child:
    """A child that compiles what it is sent; it ends when its control pipe closes, so with us.

    Its own session: Ctrl-C on the terminal reaches us only, and we say what becomes of it.

    One thread asks; another may `close` meanwhile, which ends the asking with an error at once.
    """

    def __init__(self, hash_seed: int) -> None:
        control, held = os.pipe()
        self._control: int | None = held
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "remediations.systems.hosts.compile.child",
                    str(control),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                pass_fds=(control,),
                start_new_session=True,
                env=_environment(hash_seed),
            )
        except OSError as error:
            os.close(held)
            self._stderr.close()
            raise _machine_error(
                f"the compiling child did not start: {error}", str(error)
            ) from error
        finally:
            os.close(control)
        self._buffer = bytearray()
        self._asking, self._ending = threading.Lock(), threading.Lock()

    def send(self, request: CompileRequest) -> None:
        """Ask. The answer comes with `receive`.

        Raises:
            MachineError: the child is gone.
        """
        assert self._process.stdin is not None
        with self._asking:
            try:
                self._process.stdin.write(msgspec.json.encode(request) + b"\n")
                self._process.stdin.flush()
            except BrokenPipeError as error:
                raise self._died("a request") from error

    def receive(self, deploy: str) -> CompileReply:
        """The answer to the last request.

        Raises:
            MachineError: the child died, took longer than `LIMIT_S`, or answered nonsense.
        """
        with self._asking:
            line = self._line(deploy)
        try:
            return decode(line, CompileReply)
        except WireError as error:
            raise _machine_error(
                f"the compiling child of {deploy} answered nonsense", str(error)
            ) from error

    def _line(self, deploy: str) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline = time.monotonic() + LIMIT_S
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    self._end()
                    raise _machine_error(
                        f"deploy {deploy} took longer than {LIMIT_S} s to compile", "no end"
                    )
                chunk = os.read(descriptor, 1 << 20)
                self._buffer += chunk
                if not chunk or len(self._buffer) > MAX_REPLY:
                    raise self._died(deploy)
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return line

    def _died(self, deploy: str) -> MachineError:
        self._end()
        self._stderr.seek(0)
        lines = self._stderr.read(MAX_LAST_WORDS).decode("utf-8", "replace").strip().splitlines()
        return _machine_error(
            f"the compiling child died over {deploy}", lines[-1] if lines else "no message"
        )

    def close(self) -> None:
        """End the child and everything in its session; nothing of it is worth keeping."""
        self._end()
        with self._asking:  # a descriptor that is closed under a `select` never wakes it
            for stream in (self._process.stdin, self._process.stdout, self._stderr):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
        if self._control is not None:
            os.close(self._control)
            self._control = None

    def _end(self) -> None:
        with self._ending:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _environment(hash_seed: int) -> dict[str, str]:
    """Nothing of ours but where the package is: what a deploy yields must not follow from it."""
    package = str(Path(remediations.__path__[0]).parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONPATH": os.pathsep.join(paths),
    }


def _machine_error(what: str, got: str) -> MachineError:
    return MachineError(
        what,
        guard="compile",
        got=got,
        expected=f"an answer within {LIMIT_S} s",
        next_step="`remediate doctor`; then plan again",
    )
