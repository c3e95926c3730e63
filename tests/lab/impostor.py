"""Stands where a node's RPC is expected: silent, or lying about the height.

`python -m tests.lab.impostor PORT HIDDEN HOW HEIGHT` listens on loopback PORT. `hang` accepts and
never answers; `lie` passes everything on to the true RPC at HIDDEN and puts HEIGHT into /status.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FOR_EVER_S = 3600


class Impostor(BaseHTTPRequestHandler):
    """One request."""

    hidden = 0
    height = 0
    hangs = False

    def do_GET(self) -> None:
        if self.hangs:
            time.sleep(FOR_EVER_S)
            return
        url = f"http://127.0.0.1:{self.hidden}{self.path}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            body = answer.read()
        if self.path.startswith("/status"):
            document = json.loads(body)
            document["result"]["sync_info"]["latest_block_height"] = str(self.height)
            body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Say nothing."""


def main() -> None:
    """The program."""
    port, hidden, how, height = sys.argv[1:]
    Impostor.hidden, Impostor.height, Impostor.hangs = int(hidden), int(height), how == "hang"
    ThreadingHTTPServer(("127.0.0.1", int(port)), Impostor).serve_forever()


if __name__ == "__main__":
    main()
