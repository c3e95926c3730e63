"""One bounded HTTP request at a time.

1. Nothing is repeated, no redirect is followed and no proxy is used: what is sent goes to the host
   that was named, and to no other.
2. A request has a time limit as a whole, however slowly its answer drips; an answer has a limit in
   bytes.
3. Every failure is an `ExchangeFailed` that says whether the request may have had an effect.
4. No message quotes the answer, a header, or anything else that a server chose.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from remediations.values.reading import Why

_CHUNK = 65536
_READS = frozenset({"GET", "HEAD"})
NO_HEADERS: Mapping[str, str] = {}


class ExchangeFailed(Exception):
    """There was no whole answer. `sent` is whether the request may have had an effect."""

    def __init__(self, what: str, *, why: Why, sent: bool = False) -> None:
        super().__init__(what)
        self.why = why
        self.sent = sent


class Answer(NamedTuple):
    """The whole answer, whatever its status."""

    status: int
    content: bytes


class Limits(NamedTuple):
    """Of one request with its answer."""

    seconds: float
    answer_bytes: int


def exchange(
    url: str, limits: Limits, *, verb: str = "GET", headers: Mapping[str, str] = NO_HEADERS,
    body: bytes | None = None, tls: ssl.SSLContext | None = None,
) -> Answer:  # fmt: skip
    """Ask once. Another request than a reading one may have an effect from its first byte on.

    Raises:
        ExchangeFailed: no connection, no answer in time, too large an answer, or none of HTTP.
    """
    parts, end = urlsplit(url), time.monotonic() + limits.seconds
    host, sent = parts.hostname or "", False
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            host, parts.port, timeout=limits.seconds, context=tls
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=limits.seconds)
    try:
        with contextlib.closing(connection), _ended_at(end, connection):
            connection.connect()
            sent = verb not in _READS
            connection.request(verb, target, body, dict(headers))
            return _read(connection.getresponse(), limits, end)
    except _TooLarge:
        said = f"{host}: an answer of more than {limits.answer_bytes} bytes"
        raise ExchangeFailed(said, why=Why.TOO_LARGE, sent=sent) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, TimeoutError) or time.monotonic() >= end:
            said, why = f"{host}: no answer within {limits.seconds:.0f} s", Why.TIME_LIMIT
        else:
            said, why = f"{host}: {_reason(error)}", Why.UNREACHABLE
        raise ExchangeFailed(said, why=why, sent=sent) from None


class _TooLarge(Exception):
    """The answer has more bytes than its limit."""


@contextlib.contextmanager
def _ended_at(end: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """End the connection at that time (monotonic clock): the limit of a socket begins anew with
    each byte."""

    def shut() -> None:
        sock = connection.sock
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, end - time.monotonic()), shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _read(response: http.client.HTTPResponse, limits: Limits, end: float) -> Answer:
    """The whole body, within what is left of the time."""
    found = bytearray()
    while chunk := response.read1(_CHUNK):
        found += chunk
        if len(found) > limits.answer_bytes:
            raise _TooLarge
        if time.monotonic() >= end:
            raise TimeoutError
    if time.monotonic() >= end:
        raise TimeoutError
    return Answer(response.status, bytes(found))


def _reason(error: Exception) -> str:
    """In words of ours: an exception of `http.client` may quote the server."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"no connection, or no HTTP ({type(error).__name__})"
