"""An API server over TLS that answers as it is told, and a kubeconfig for it."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from remediations.systems.kubernetes.inventory import ClusterEntry


def answering(**more: object) -> dict[str, Any]:
    """What the server says. `takes`: the only values of the header that it does not refuse."""
    return {"status": 200, "body": b"{}", "pause_s": 0.0, "asked": 0, "refused": 0, **more}


class _Handler(BaseHTTPRequestHandler):
    answers: dict[str, Any]

    def do_GET(self) -> None:
        self.answers["asked"] += 1
        self.answers["token"] = self.headers["Authorization"]
        time.sleep(self.answers["pause_s"])
        data = self.answers["body"]
        takes = self.answers.get("takes")
        refused = takes is not None and self.answers["token"] not in takes
        self.answers["refused"] += refused
        self.send_response(401 if refused else self.answers["status"])
        self.send_header("Content-Length", str(self.answers.get("length", len(data))))
        self.end_headers()
        self.wfile.write(data)

    do_PATCH = do_GET  # noqa: N815 - the name that http.server asks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """A client that hangs up is what some tests are about."""


@contextmanager
def served(answers: dict[str, Any], directory: Path) -> Iterator[ClusterEntry]:
    """A server with a certificate, and a kubeconfig for it."""
    certificate(directory)
    handler = type("Handler", (_Handler,), {"answers": answers})
    server = _Server(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield kubeconfig_entry(directory, f"https://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()


def certificate(directory: Path) -> None:
    """tls.crt and tls.key of an API server on loopback."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "api")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "tls.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (directory / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def kubeconfig_entry(directory: Path, server: str, **cluster: object) -> ClusterEntry:
    """A kubeconfig for a server."""
    tree = {
        "clusters": [
            {"name": "c", "cluster": {"server": server, "certificate-authority": "tls.crt"}}
        ],
        "users": [{"name": "u", "user": {"token": "SECRET-TOKEN"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    tree["clusters"][0]["cluster"].update(cluster)  # type: ignore[index]
    file = directory / "kubeconfig"
    file.write_text(json.dumps(tree))
    file.chmod(0o600)
    return ClusterEntry(
        kubeconfig=str(file), context=None, namespace="n", owner_period_s=0, workloads=()
    )
