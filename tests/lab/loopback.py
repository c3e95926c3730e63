"""HTTP to a service on a host's loopback, asked from outside without starting a process there.

A thread that joins the host's network namespace opens the connection; a socket stays in the
namespace it was made in, whoever reads from it. Joining is per thread, and that thread ends.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.lab.shell import LabError

CLONE_NEWNET = 0x40000000
"""From linux/sched.h. Python has os.setns from 3.12 on."""
CONNECT_LIMIT_S = 2.0

_LIBC = ctypes.CDLL(None, use_errno=True)


def get(init: int, port: int, path: str, timeout: float) -> bytes:
    """The body of the answer to GET `path` on 127.0.0.1:`port` of the host with PID 1 `init`.

    Time limit in seconds, for connecting and for each read.

    Raises:
        LabError: no answer, or the host is gone.
    """
    return _ask("GET", init, port, path, None, timeout)


def post(init: int, port: int, path: str, body: bytes, timeout: float) -> bytes:
    """The body of the answer to a POST, as with `get`.

    Raises:
        LabError: no answer, or the host is gone.
    """
    return _ask("POST", init, port, path, body, timeout)


def _ask(method: str, init: int, port: int, path: str, body: bytes | None, timeout: float) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.sock = _connect(init, port, timeout)
        connection.request(method, path, body)
        return connection.getresponse().read()
    except (OSError, HTTPException) as error:
        raise LabError(f"127.0.0.1:{port}{path} of host with PID 1 {init}: {error!r}") from error
    finally:
        connection.close()


def listens(init: int, port: int) -> bool:
    """Whether anybody takes connections there."""
    try:
        _connect(init, port, CONNECT_LIMIT_S).close()
    except OSError:
        return False
    return True


def _connect(init: int, port: int, timeout: float) -> socket.socket:
    made: list[socket.socket | OSError] = []

    def inside() -> None:
        try:
            _join(Path(f"/proc/{init}/ns/net"))
            made.append(socket.create_connection(("127.0.0.1", port), timeout))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    (result,) = made
    if isinstance(result, OSError):
        raise result
    return result


def _join(namespace: Path) -> None:
    descriptor = os.open(namespace, os.O_RDONLY)
    try:
        if _LIBC.setns(descriptor, CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)
