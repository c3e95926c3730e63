"""One bounded request at a time to the RPC of a node.

1. Nothing is repeated here, no redirect is followed and no proxy is used: the answer is of the
   endpoint that the inventory names.
2. Every request has a time limit as a whole, and its answer a limit in bytes.
3. Every failure is an `RpcError` that says whether the request may have had an effect (`sent`).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import time
from typing import Any
from urllib.parse import quote, urlsplit

from remediations.systems.transactions.inventory import Endpoint
from remediations.values.reading import Why

Tree = dict[str, Any]
CALL_LIMIT_S = 10.0
ANSWER_BYTES = 8 * 1024 * 1024
_CHUNK = 65536
_SAID = 200


class RpcError(Exception):
    """A request that failed. `sent` is whether it may have had an effect nevertheless."""

    def __init__(self, what: str, *, why: Why, sent: bool = False) -> None:
        super().__init__(what)
        self.why = why
        self.sent = sent


def ask(endpoint: Endpoint, method: str, **words: str) -> Tree:
    """The `result` of a question. Texts and hex strings are given as they are: `"text"` in quotes,
    hex with 0x.

    Raises:
        RpcError: there was no answer, or an error.
    """
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in words.items())
    return _result(endpoint, _exchange(endpoint, "GET", f"/{method}?{query}", None))


def send(endpoint: Endpoint, method: str, **words: str) -> Tree:
    """The same, for a request that may have an effect."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": words}
    return _result(endpoint, _exchange(endpoint, "POST", "/", json.dumps(asked).encode()))


def _exchange(endpoint: Endpoint, verb: str, path: str, body: bytes | None) -> bytes:
    url = urlsplit(endpoint.url)
    end = time.monotonic() + CALL_LIMIT_S
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=CALL_LIMIT_S)
    sent = False
    try:
        with contextlib.closing(connection):
            connection.connect()
            sent = body is not None
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(verb, url.path.rstrip("/") + path, body, headers)
            return _read(connection, end)
    except TimeoutError:
        said = f"{endpoint.name}: no answer within {CALL_LIMIT_S:.0f} s"
        raise RpcError(said, why=Why.TIME_LIMIT, sent=sent) from None
    except ssl.SSLError as error:
        said = f"{endpoint.name}: TLS: {error.reason}"
        raise RpcError(said, why=Why.UNREACHABLE, sent=sent) from None
    except (OSError, http.client.HTTPException) as error:
        said = f"{endpoint.name}: {type(error).__name__}: {error}"[:_SAID]
        raise RpcError(said, why=Why.UNREACHABLE, sent=sent) from None


def _read(connection: http.client.HTTPConnection, end: float) -> bytes:
    """The whole body, whatever its status: the RPC sends errors with 500.

    Raises:
        RpcError: it is too large.
        TimeoutError: it took too long as a whole.
    """
    response = connection.getresponse()
    found = bytearray()
    while chunk := response.read1(_CHUNK):
        found += chunk
        if len(found) > ANSWER_BYTES:
            raise RpcError(f"more than {ANSWER_BYTES} bytes", why=Why.TOO_LARGE)
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if isinstance(connection.sock, socket.socket):
            connection.sock.settimeout(left)
    return bytes(found)


def _result(endpoint: Endpoint, content: bytes) -> Tree:
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        raise RpcError(f"{endpoint.name}: no JSON", why=Why.MALFORMED) from None
    error = tree.get("error") if isinstance(tree, dict) else None
    if error:
        told = error if isinstance(error, dict) else {}
        said = " ".join(f"{told.get('message', '')} {told.get('data', '')}".split())[:_SAID]
        raise RpcError(f"{endpoint.name}: {said}", why=Why.FAILED)
    result = tree.get("result") if isinstance(tree, dict) else None
    if not isinstance(result, dict):
        raise RpcError(f"{endpoint.name}: no result", why=Why.MALFORMED)
    return result
