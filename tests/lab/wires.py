"""A wire to a server of the lab that can be cut: it passes bytes on, holds them back, or resets."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum

_ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER of a socket that is reset when it is closed."""
_CHUNK = 65536


class State(Enum):
    """What becomes of bytes."""

    PASSES = "passes"
    SILENT = "silent"
    """They are taken and held back, until the wire passes again: TCP itself sees nothing."""
    RESETS = "resets"


class Wire:
    """A relay from `port` to that of a server."""

    def __init__(self, server_port: int) -> None:
        self._server = ("127.0.0.1", server_port)
        self._state = State.PASSES
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def becomes(self, state: State) -> None:
        """From now on; a reset ends the connections that there are, too."""
        with self._changed:
            self._state = state
            self._changed.notify_all()
            if state is State.RESETS:
                for one in self._open:
                    _reset(one)
                self._open.clear()

    @contextmanager
    def served(self) -> Iterator[Wire]:
        """Reachable at `port`."""
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self.becomes(State.RESETS)
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                if self._state is State.RESETS:
                    _reset(near)
                    continue
            threading.Thread(target=self._joined, args=(near,), daemon=True).start()

    def _joined(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(self._server, 5)
        except OSError:
            _reset(near)
            return
        far.settimeout(None)
        with self._changed:
            self._open |= {near, far}
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(_CHUNK):
                with self._changed:
                    self._changed.wait_for(lambda: self._state is not State.SILENT)
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


def _reset(one: socket.socket) -> None:
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        one.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        one.close()
