"""A service with sessions, in a process of its own: HTTP, a bearer token, SQLite; and its faults.

`python -m tests.unit.sessions.service DATABASE` serves until it is ended. What it does wrong is a
row of its database (`fault`), so a test changes it while it runs:

    lies          answers 200 and does nothing
    hangs         does it, and answers nothing
    fails         does it, and answers 500
    denies        does nothing, and answers 403
    redirects     does it, and leads to another place
    html          tells in HTML what it should tell in JSON
    drips         a byte a second, for ever
    large         more than anybody reads
    late          does it after two seconds, and answers 202 at once
"""

from __future__ import annotations

import json
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKEN = "canary-token-Zk3vQ8pW5nR1"
_TABLES = """
CREATE TABLE session (id INTEGER PRIMARY KEY, owner TEXT);
CREATE TABLE word (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE request (at REAL, method TEXT, path TEXT, body TEXT, token TEXT);
"""
_HANG_S = 60


@dataclass
class Service:
    """The service as a test has it: by its database."""

    database: Path
    scheme: str = "http"

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.database, timeout=10)) as database, database:
            yield database

    def make(self, sessions: int) -> None:
        """With so many open sessions, and none that ever ended."""
        with self._open() as database:
            database.executescript(_TABLES)
        self.log_in(sessions)

    def log_in(self, count: int = 1) -> None:
        """People log in."""
        with self._open() as database:
            database.executemany("INSERT INTO session (owner) VALUES (?)", [("ann",)] * count)

    def word(self, name: str) -> str:
        """What is noted under a name, "" for nothing."""
        with self._open() as database:
            row = database.execute("SELECT value FROM word WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def note(self, name: str, value: str) -> None:
        """Note it."""
        with self._open() as database:
            database.execute("INSERT OR REPLACE INTO word VALUES (?, ?)", (name, value))

    def breaks(self, fault: str) -> None:
        """From now on it does this wrong; "" for nothing."""
        self.note("fault", fault)

    @property
    def open_sessions(self) -> int:
        """How many there are."""
        with self._open() as database:
            return int(database.execute("SELECT count(*) FROM session").fetchone()[0])

    def requests(self, method: str) -> list[tuple[str, str, str]]:
        """Path, body and token of all requests, in order."""
        with self._open() as database:
            words = "SELECT path, body, token FROM request WHERE method = ? ORDER BY at"
            return list(database.execute(words, (method,)))

    def end_all(self) -> None:
        """No session is open any more."""
        with self._open() as database:
            database.execute("DELETE FROM session")
        self.note("not_before", str(int(time.time()) + 1))

    @property
    def url(self) -> str:
        """Where it is, once it listens."""
        until = time.monotonic() + 20
        while not (port := self.word("port")):
            assert time.monotonic() < until, "it does not begin"
            time.sleep(0.05)
        return f"{self.scheme}://127.0.0.1:{port}"

    @contextmanager
    def served(self, *, certificate: Path | None = None) -> Iterator[Service]:
        """In a process of its own, while the block runs."""
        words = [sys.executable, "-m", __name__, str(self.database)]
        with subprocess.Popen([*words, str(certificate)] if certificate else words) as process:
            try:
                yield Service(self.database, "https" if certificate else "http")
            finally:
                process.kill()


class _Handler(BaseHTTPRequestHandler):
    service: Service

    def do_GET(self) -> None:
        if not self._noted(""):
            return None
        fault = self.service.word("fault")
        if self.path == "/elsewhere":
            return self._say(200, {"open_sessions": 0})
        if fault == "redirects":
            return self._redirect()
        if fault == "html":
            return self._send(200, "text/html", b"<html>0 open sessions</html>")
        if fault == "drips":
            return self._drip()
        if fault == "large":
            return self._send(200, "application/json", b"[" + b"0," * 2_000_000 + b"0]")
        if fault == "silent":
            return time.sleep(_HANG_S)
        state = {
            "open_sessions": self.service.open_sessions,
            "not_before": int(self.service.word("not_before") or 0),
            "token": TOKEN,
            "closed": not self.service.open_sessions,
        }
        return self._say(200, {"state": state, "list": [state]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if not self._noted(body):
            return None
        fault = self.service.word("fault")
        if fault == "denies":
            return self._say(403, {})
        if fault == "late":
            threading.Timer(2, self.service.end_all).start()
            return self._say(202, {})
        if pause := self.service.word("takes_s"):
            time.sleep(float(pause))
        if fault != "lies":
            self.service.end_all()
        if fault == "hangs":
            return time.sleep(_HANG_S)
        if fault == "redirects":
            return self._redirect()
        return self._say(500 if fault == "fails" else 200, {"token": TOKEN})

    def _noted(self, body: str) -> bool:
        given = self.headers.get("Authorization") or ""
        with self.service._open() as database:
            words = (time.time(), self.command, self.path, body, given)
            database.execute("INSERT INTO request VALUES (?, ?, ?, ?, ?)", words)
        if given != f"Bearer {TOKEN}":
            self._say(401, {"error": f"not {given}"})
            return False
        return True

    def _redirect(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\n")
        for _ in range(_HANG_S * 5):
            self.wfile.write(b"x")
            time.sleep(0.2)

    def _say(self, status: int, tree: Any) -> None:  # noqa: ANN401 - JSON
        self._send(status, "application/json", json.dumps(tree).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Whoever asked has gone: that is what many tests are about."""


def main(arguments: list[str]) -> None:
    """Serve until somebody ends it."""
    _Handler.service = Service(Path(arguments[0]))
    server = _Server(("127.0.0.1", 0), _Handler)
    if arguments[1:]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments[1])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    _Handler.service.note("port", str(server.server_address[1]))
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
