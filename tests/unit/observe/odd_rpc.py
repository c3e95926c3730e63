"""An RPC that misbehaves below HTTP: it never ends, never begins, or ends early."""

from __future__ import annotations

import gzip
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Answer = Callable[[str], bytes]
"""From a path with its query to the body of a good answer."""
Manner = Callable[["OddRpc", BaseHTTPRequestHandler, bytes], None]
"""How a request is answered, given what a good node would say."""
BLOCK = b" " * 65536


class OddRpc:
    """Answers in the manner given for a path, else in `otherwise`. Counts what it could send."""

    def __init__(self, good: Answer, manners: Mapping[str, Manner], otherwise: Manner) -> None:
        rpc = self
        self.sent: Counter[str] = Counter()
        self.closed = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                manner = manners.get(urlsplit(self.path).path, otherwise)
                try:
                    manner(rpc, self, good(self.path))
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Be silent: what is asked is kept, not printed."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Let go of everybody who still waits."""
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()


def said(text: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Manner:
    """Always this, with its length."""

    def say(_: OddRpc, handler: BaseHTTPRequestHandler, __: bytes) -> None:
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    return say


def changed(old: bytes, new: bytes) -> Manner:
    """The good answer with a value of the test's own; it must have had the old one."""

    def say(rpc: OddRpc, handler: BaseHTTPRequestHandler, good: bytes) -> None:
        assert old in good
        said(good.replace(old, new))(rpc, handler, good)

    return say


def well(rpc: OddRpc, handler: BaseHTTPRequestHandler, good: bytes) -> None:
    """As a node answers; what it does not know is not there."""
    said(good, status=200 if good else 404)(rpc, handler, good)


def half(rpc: OddRpc, handler: BaseHTTPRequestHandler, good: bytes) -> None:
    """The first half, announced as all of it."""
    said(good[: len(good) // 2])(rpc, handler, good)


def cut_off(_: OddRpc, handler: BaseHTTPRequestHandler, good: bytes) -> None:
    """The connection ends before the announced length."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(good) + 1))
    handler.end_headers()
    handler.wfile.write(good)
    handler.close_connection = True


def hung_up(_: OddRpc, handler: BaseHTTPRequestHandler, __: bytes) -> None:
    """Not even a status line."""
    handler.close_connection = True


def no_http(_: OddRpc, handler: BaseHTTPRequestHandler, __: bytes) -> None:
    """Another protocol on this port."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    handler.close_connection = True


def packed(rpc: OddRpc, handler: BaseHTTPRequestHandler, good: bytes) -> None:
    """Compressed, although nobody asked for it."""
    headers = {"Content-Encoding": "gzip"}
    said(gzip.compress(good), headers=headers)(rpc, handler, good)


def endless(rpc: OddRpc, handler: BaseHTTPRequestHandler, _: bytes) -> None:
    """Gigabytes without a length, beginning like JSON, as fast as they are taken."""
    path = urlsplit(handler.path).path
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b'{"jsonrpc":"2.0","id":-1,"result":')
    while not rpc.closed.is_set():
        handler.wfile.write(BLOCK)
        rpc.sent[path] += len(BLOCK)


def never(rpc: OddRpc, handler: BaseHTTPRequestHandler, _: bytes) -> None:
    """The request is read, and nothing comes."""
    rpc.closed.wait()
    handler.close_connection = True


def dripping(rpc: OddRpc, handler: BaseHTTPRequestHandler, good: bytes) -> None:
    """A byte now and then, so that no connection looks dead."""
    handler.send_response(200)
    handler.end_headers()
    for byte in good:
        if rpc.closed.wait(0.2):
            break
        handler.wfile.write(bytes([byte]))
