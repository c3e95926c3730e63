"""An RPC of a node of the lab, reachable from the operator's machine: what an operator's own sentry
is. It counts what it is given to broadcast, and can fall silent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.lab import loopback
from tests.lab.lab import Lab
from tests.lab.shell import LabError

LIMIT_S = 10.0


class Relay:
    """Passes requests on to the node of one host. While `deaf`, it answers no question after a
    broadcast: what becomes of a transaction is not told."""

    def __init__(self, lab: Lab, host: str) -> None:
        self._lab, self._host = lab, host
        self.broadcasts: list[str] = []
        self.deaf = False
        self.url = ""

    def get(self, path: str) -> bytes | None:
        """The node's answer to a question; None for silence."""
        if self.deaf and self.broadcasts:
            return None
        return loopback.get(self._init, self._port, path, LIMIT_S)

    def post(self, body: bytes) -> bytes | None:
        """The node's answer to a request."""
        asked = json.loads(body)
        if asked["method"].startswith("broadcast"):
            self.broadcasts.append(asked["params"]["tx"])
        elif self.deaf and self.broadcasts:
            return None
        return loopback.post(self._init, self._port, "/", body, LIMIT_S)

    @property
    def _init(self) -> int:
        init = self._lab.hosts[self._host].init()
        assert init is not None
        return init

    @property
    def _port(self) -> int:
        return self._lab.node(self._host).rpc_port

    @contextmanager
    def served(self) -> Iterator[Relay]:
        """Reachable at `url`."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


def _handler(relay: Relay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(lambda: relay.get(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._say(lambda: relay.post(body))

        def _say(self, answer: object) -> None:
            assert callable(answer)
            try:
                found = answer()
            except LabError:
                found = None
            if found is None:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
