"""One bounded HTTP request at a time.

1. Nothing is repeated, no redirect is followed and no proxy is used: the answer is of the address
   that was named.
2. Every request has a time limit as a whole, and its answer a limit in bytes.
3. Every failure says whether the request may have had an effect nevertheless.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from remediations.values.reading import Why

_CHUNK = 65536
_SAID = 200


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
    url: str, limits: Limits, *, verb: str = "GET", headers: Mapping[str, str] | None = None,
    body: bytes | None = None, tls: ssl.SSLContext | None = None,
) -> Answer:  # fmt: skip
    """Ask once. A request with another verb than GET may have an effect from its first byte on.

    Raises:
        ExchangeFailed: no connection, no answer in time, too large an answer, or none of HTTP.
    """
    parts, end = urlsplit(url), time.monotonic() + limits.seconds
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, port, timeout=limits.seconds, context=tls)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=limits.seconds)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    sent = False
    try:
        with contextlib.closing(connection):
            connection.connect()
            sent = verb != "GET"
            connection.request(verb, target, body, dict(headers or {}))
            return _read(connection, limits, end)
    except _TooLarge:
        said = f"more than {limits.answer_bytes} bytes"
        raise ExchangeFailed(said, why=Why.TOO_LARGE, sent=sent) from None
    except TimeoutError:
        said = f"no answer within {limits.seconds:.0f} s"
        raise ExchangeFailed(said, why=Why.TIME_LIMIT, sent=sent) from None
    except ssl.SSLError as error:
        said = f"TLS: {error.reason}"
        raise ExchangeFailed(said, why=Why.UNREACHABLE, sent=sent) from None
    except (OSError, http.client.HTTPException) as error:
        said = f"{type(error).__name__}: {error}"[:_SAID]
        raise ExchangeFailed(said, why=Why.UNREACHABLE, sent=sent) from None


class _TooLarge(Exception):
    """The answer has more bytes than its limit."""


def _read(connection: http.client.HTTPConnection, limits: Limits, end: float) -> Answer:
    """The whole body, within what is left of the time."""
    response = connection.getresponse()
    found = bytearray()
    while chunk := response.read1(_CHUNK):
        found += chunk
        if len(found) > limits.answer_bytes:
            raise _TooLarge
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if isinstance(connection.sock, socket.socket):
            connection.sock.settimeout(left)
    return Answer(response.status, bytes(found))
