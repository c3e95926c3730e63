"""The client against servers that are slow, silent, large, or no API server at all; over TLS."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from remediations.systems.kubernetes import api as api_module
from remediations.systems.kubernetes.api import ApiError, KubernetesApi, get, write_patch
from remediations.systems.kubernetes.inventory import ClusterEntry
from remediations.values.reading import Why

ASKED = get("/api/v1/pods", "pods", verb="list")


class _Handler(BaseHTTPRequestHandler):
    answers: dict[str, Any]

    def do_GET(self) -> None:
        self.answers["asked"] += 1
        self.answers["token"] = self.headers["Authorization"]
        time.sleep(self.answers["pause_s"])
        data = self.answers["body"]
        self.send_response(self.answers["status"])
        self.send_header("Content-Length", str(self.answers.get("length", len(data))))
        self.end_headers()
        self.wfile.write(data)

    do_PATCH = do_GET  # noqa: N815 - the name that http.server asks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """A client that hangs up is what some tests are about."""


@pytest.fixture
def answers() -> dict[str, Any]:
    """What the server says."""
    return {"status": 200, "body": b"{}", "pause_s": 0.0, "asked": 0}


@pytest.fixture
def entry(answers: dict[str, Any], tmp_path: Path) -> Iterator[ClusterEntry]:
    """A server with a certificate, and a kubeconfig for it."""
    _certificate(tmp_path)
    handler = type("Handler", (_Handler,), {"answers": answers})
    server = _Server(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield _entry(tmp_path, f"https://127.0.0.1:{server.server_address[1]}")
    server.shutdown()


def _certificate(directory: Path) -> None:
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


def _entry(directory: Path, server: str, **cluster: object) -> ClusterEntry:
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


def failed(entry: ClusterEntry, limit_s: float = 5.0) -> ApiError:
    """How asking ends."""
    with pytest.raises(ApiError) as raised:
        KubernetesApi.connect(entry).ask(ASKED, limit_s)
    assert "SECRET" not in str(raised.value)
    return raised.value


def test_an_answer(entry: ClusterEntry, answers: dict[str, Any]) -> None:
    """A JSON object; the token of the kubeconfig goes with the question."""
    answers["body"] = b'{"kind": "PodList"}'
    assert KubernetesApi.connect(entry).ask(ASKED) == {"kind": "PodList"}
    assert answers["token"] == "Bearer SECRET-TOKEN"


@pytest.mark.parametrize(
    ("status", "why", "words"),
    [
        (401, Why.DENIED, "expired, revoked"),
        (403, Why.DENIED, "the role does not allow it"),
        (404, Why.ABSENT, "does not exist"),
        (429, Why.FAILED, "asks to wait"),
        (500, Why.FAILED, "the API server failed"),
    ],
)
def test_errors_name_verb_and_resource(
    entry: ClusterEntry, answers: dict[str, Any], status: int, why: Why, words: str
) -> None:
    """Each in words; and nothing is asked twice."""
    answers.update(status=status, body=b'{"message": "said"}')
    error = failed(entry)
    assert (error.why, error.status) == (why, status)
    assert "list pods" in str(error)
    assert words in str(error)
    assert answers["asked"] == 1


@pytest.mark.parametrize("body", [b"<html>", b"nothing", b"[1]", b""])
def test_what_is_no_api_server_is_said(
    entry: ClusterEntry, answers: dict[str, Any], body: bytes
) -> None:
    """A proxy's page is not an answer, whatever its status."""
    answers["body"] = body
    error = failed(entry)
    assert error.why is Why.MALFORMED
    assert "not an API server" in str(error)


def test_silence_ends_in_time(entry: ClusterEntry, answers: dict[str, Any]) -> None:
    """Once, not four times."""
    answers["pause_s"] = 3.0
    began = time.monotonic()
    assert failed(entry, 0.5).why is Why.TIME_LIMIT
    assert time.monotonic() - began < 2.0


def test_a_large_answer_is_cut(
    entry: ClusterEntry, answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a limit in bytes."""
    monkeypatch.setattr(api_module, "ANSWER_BYTES", 1000)
    answers["body"] = b" " * 200_000
    assert failed(entry).why is Why.TOO_LARGE


@pytest.mark.parametrize(("status", "sent"), [(403, False), (409, False), (500, True)])
def test_a_write_that_failed_may_have_had_an_effect(
    entry: ClusterEntry, answers: dict[str, Any], status: int, sent: bool
) -> None:
    """A refusal has none; a failure may have one, and so may silence."""
    answers.update(status=status)
    with pytest.raises(ApiError) as raised:
        KubernetesApi.connect(entry).ask(write_patch("/x", "x", {}))
    assert raised.value.sent is sent
    answers["pause_s"] = 2.0
    with pytest.raises(ApiError) as raised:
        KubernetesApi.connect(entry).ask(write_patch("/x", "x", {}), 0.3)
    assert raised.value.sent


def test_nobody_listens(tmp_path: Path) -> None:
    """Refused, and nothing was sent."""
    _certificate(tmp_path)
    error = failed(_entry(tmp_path, "https://127.0.0.1:1"))
    assert (error.why, error.sent) == (Why.NOT_LISTENING, False)


@pytest.mark.parametrize(
    ("server", "cluster"),
    [("http://127.0.0.1:1", {}), ("https://127.0.0.1:1", {"insecure-skip-tls-verify": True})],
)
def test_an_unverified_server_is_refused(
    tmp_path: Path, server: str, cluster: dict[str, object]
) -> None:
    """A token would go to whoever answers."""
    _certificate(tmp_path)
    error = failed(_entry(tmp_path, server, **cluster))
    assert (error.why, "not verified" in str(error)) == (Why.REFUSED, True)


@pytest.mark.parametrize("text", ["", "[]", "{", "a: b", '{"clusters": []}'])
def test_a_kubeconfig_in_another_form_is_refused(tmp_path: Path, text: str) -> None:
    """Named, and nothing of it is quoted."""
    entry = _entry(tmp_path, "https://127.0.0.1:1")
    Path(str(entry.kubeconfig)).write_text(text)
    assert failed(entry).why is Why.REFUSED


def test_a_kubeconfig_that_others_can_write_is_refused(tmp_path: Path) -> None:
    """It may name a program that is run."""
    entry = _entry(tmp_path, "https://127.0.0.1:1")
    Path(str(entry.kubeconfig)).chmod(0o666)
    assert failed(entry).why is Why.REFUSED


def test_a_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    """Its name is told."""
    entry = _entry(tmp_path, "https://127.0.0.1:1")
    Path(str(entry.kubeconfig)).unlink()
    assert "No such file" in str(failed(entry))
