"""What gives jobs their certificates, for the tests of docs/ci/: the ID tokens of a CI system, and
the two paths of Vault's API that `certificate.sh` asks. Certificates are really signed."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROLES = {"remediate-plan": "plan", "remediate-apply": "apply"}
"""Which job may have which role."""


class Identity:
    """A service at `url`. Tokens name their job; `given` are the roles for which it has signed."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.given: list[str] = []
        place.mkdir(exist_ok=True)
        self._new_key("ca")
        self.trusted = _own_certificate(place)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.trusted, place / "tls.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def served(self) -> Iterator[Identity]:
        """It answers until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    @staticmethod
    def request_token(job: str) -> str:
        """With which a job of GitHub asks for its ID token."""
        return f"request-of-{job}"

    @staticmethod
    def id_token(job: str) -> str:
        """The ID token of a job."""
        return f"header.{job}.signature"

    def answer(self, path: str, headers: dict[str, str], body: Any) -> Any:  # noqa: ANN401 - JSON
        """What is answered; None where it is refused."""
        if path.startswith("/token?"):
            job = headers.get("authorization", "").removeprefix("Bearer request-of-")
            return {"value": self.id_token(job)} if path.endswith(f"&audience={self.url}") else None
        if path == "/v1/auth/jwt/login":
            job = ROLES.get(body["role"], "")
            known = body["jwt"] == self.id_token(job)
            return {"auth": {"client_token": f"vault-of-{body['role']}"}} if known else None
        role = path.removeprefix("/v1/ssh/sign/")
        if headers.get("x-vault-token") != f"vault-of-{role}":
            return None
        self.given.append(role)
        return {"data": {"signed_key": self._signed(role, body["public_key"])}}

    def _signed(self, role: str, public: str) -> str:
        (self._place / "job.pub").write_text(public)
        may = ["-O", "clear"]
        may += ["-O", "force-command=remediate-read"] if role == "remediate-plan" else []
        words = ("-s", "ca", "-I", role, "-n", "ops", "-V", "+10m", *may, "job.pub")
        subprocess.run(["ssh-keygen", "-q", *words], cwd=self._place, check=True)
        return (self._place / "job-cert.pub").read_text()

    def _new_key(self, name: str) -> None:
        words = ("-t", "ed25519", "-N", "", "-C", name, "-f", name)
        subprocess.run(["ssh-keygen", "-q", *words], cwd=self._place, check=True)


def _handler(identity: Identity) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            said = identity.answer(self.path, headers, body)
            data = json.dumps(said or {"errors": ["permission denied"]}).encode()
            self.send_response(403 if said is None else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer  # noqa: N815 - their names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            """Nothing."""

    return Handler


def _own_certificate(place: Path) -> Path:
    """A certificate for 127.0.0.1, signed by itself; its key lies beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "identity")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    (place / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    path = place / "tls.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path
