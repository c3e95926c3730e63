"""One bounded HTTP request, with the bearer token of its file.

1. Nothing is repeated, no redirect is followed and no proxy is used: the token goes to the host
   that the inventory names, and to no other.
2. A request has a time limit as a whole, however slowly its answer drips; an answer has a limit in
   bytes.
3. Every failure is a `NoExchange` that says whether the request may have had an effect (`sent`).
4. No message quotes the answer, a header, or anything else that a server chose.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from remediations.errors import RemediationError
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.values.reading import Why
from remediations.values.secret import Secret

ANSWER_BYTES = 256 * 1024
_CHUNK = 65536
_TOKEN_BYTES = 4096
_OTHERS = 0o077
_JSON = "application/json"


class NoExchange(Exception):
    """There was no answer, or none that is used. `sent` is whether the request may have had an
    effect nevertheless."""

    def __init__(self, what: str, *, why: Why, sent: bool = False) -> None:
        super().__init__(what)
        self.why = why
        self.sent = sent


class Answer(NamedTuple):
    """The status of an answer, and its body."""

    status: int
    body: bytes


def read_token(path: str) -> Secret:
    """The one line of a file that nobody else reads.

    Raises:
        NoExchange: there is no such file, others can read it, or it is not one word of ASCII.
    """
    try:
        mode = Path(path).stat().st_mode
        if stat.S_IMODE(mode) & _OTHERS:
            raise NoExchange(f"{path} can be read by others: chmod 600", why=Why.REFUSED)
        data = read_trusted(Path(path), limit=_TOKEN_BYTES).data
    except OSError as error:
        raise NoExchange(f"{path}: {error.strerror}", why=Why.ABSENT) from None
    except RemediationError as error:
        raise NoExchange(f"{error.what}: {error.got}", why=Why.REFUSED) from None
    value = data.removesuffix(b"\n")
    # http.client quotes a header that it refuses, so a token never gets there that it would refuse.
    if not value or not all(0x21 <= byte <= 0x7E for byte in value):
        said = f"{path} is not one line of visible ASCII without blanks"
        raise NoExchange(said, why=Why.MALFORMED)
    return Secret(value, path)


def exchange(
    method: str, url: str, body: str, *, token: Secret | None, ca_file: str | None, within_s: float
) -> Answer:
    """Send a request once, and read what comes back; `body` is JSON, "" for none.

    Raises:
        NoExchange: nothing came back in time, or too much.
    """
    end = time.monotonic() + within_s
    host = urlsplit(url).hostname or ""
    headers = {"Accept": _JSON}
    if body:
        headers["Content-Type"] = _JSON
    if token is not None:
        headers["Authorization"] = f"Bearer {token.reveal().decode()}"
    sent = False
    try:
        connection = _connection(url, ca_file, within_s)
        with contextlib.closing(connection), _ended_at(end, connection):
            connection.connect()
            sent = True
            connection.request(method, _path(url), body.encode() if body else None, headers)
            response = connection.getresponse()
            return Answer(response.status, _read(response, end))
    except NoExchange:
        raise
    except RemediationError as error:  # the certificates: before anything is sent
        raise NoExchange(f"{error.what}: {error.got}", why=Why.REFUSED) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, TimeoutError) or time.monotonic() >= end:
            said, why = f"{host}: no answer within {within_s:.0f} s", Why.TIME_LIMIT
        else:
            said, why = f"{host}: {_reason(error)}", Why.UNREACHABLE
        raise NoExchange(said, why=why, sent=sent) from None


def _connection(url: str, ca_file: str | None, within_s: float) -> http.client.HTTPConnection:
    """Raises OSError for a file of certificates that cannot be read, RemediationError for one that
    somebody else could have written."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        context = ssl.create_default_context(cadata=None if ca_file is None else _pem(ca_file))
        return http.client.HTTPSConnection(host, port, timeout=within_s, context=context)
    return http.client.HTTPConnection(host, port, timeout=within_s)


def _pem(ca_file: str) -> str:
    return read_trusted(Path(ca_file), limit=MEGABYTE).data.decode("ascii", "replace")


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


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


def _read(response: http.client.HTTPResponse, end: float) -> bytes:
    """Raises NoExchange for too large a body, TimeoutError for one that took too long."""
    found = bytearray()
    while chunk := response.read1(_CHUNK):
        found += chunk
        if len(found) > ANSWER_BYTES:
            said = f"its answer has more than {ANSWER_BYTES} bytes"
            raise NoExchange(said, why=Why.TOO_LARGE, sent=True)
        if time.monotonic() >= end:
            raise TimeoutError
    if time.monotonic() >= end:
        raise TimeoutError
    return bytes(found)


def _reason(error: Exception) -> str:
    """In words of ours: an exception of `http.client` may quote the server."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"no connection, or no HTTP ({type(error).__name__})"
