"""Images for the lab, made without a builder, and the registry that serves them on loopback.

`python -m tests.lab.kube.images DIRECTORY PORT` serves a directory of blobs and manifests.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, kw_only=True)
class Release:
    """What an image is: its layers, each of files by path (what is called by `command` and lies at
    the root can be run), its command, and its environment."""

    layers: tuple[Mapping[str, bytes], ...]
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


class ImageStore:
    """Blobs and manifests below a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def image(self, name: str, tag: str, release: Release) -> str:
        """An image of a release; its digest."""
        tars = [_layer(files, release.command) for files in release.layers]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Env": [f"{key}={value}" for key, value in release.environment.items()],
                "Entrypoint": list(release.command),
            },
            "rootfs": {"type": "layers", "diff_ids": [_sha256(tar) for tar in tars]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._described(CONFIG, json.dumps(config).encode()),
            "layers": [self._described(LAYER, gzip.compress(tar, 1, mtime=0)) for tar in tars],
        }
        data = json.dumps(manifest).encode()
        digest = str(self._keep(data)["digest"])
        (self._directory / f"{name}:{tag}").write_bytes(data)
        return digest

    def _described(self, kind: str, data: bytes) -> dict[str, Any]:
        return {"mediaType": kind, **self._keep(data)}

    def _keep(self, data: bytes) -> dict[str, Any]:
        digest = _sha256(data)
        (self._directory / digest).write_bytes(data)
        return {"digest": digest, "size": len(data)}


def _sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _layer(files: Mapping[str, bytes], command: Sequence[str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, data in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o755 if f"/{path}" == command[0] else 0o644
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


class _Registry(BaseHTTPRequestHandler):
    """Enough of the distribution protocol to pull."""

    protocol_version = "HTTP/1.1"
    directory = Path()

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        words = self.path.split("/")
        if self.path == "/v2/":
            self._send(200, b"{}", "application/json", body=body)
            return
        kind, reference = words[-2], words[-1]
        name = reference if reference.startswith("sha256:") else f"{words[2]}:{reference}"
        file = self.directory / name
        if not file.is_file():
            self._send(404, b'{"errors":[]}', "application/json", body=body)
            return
        data = file.read_bytes()
        content = MANIFEST if kind == "manifests" else "application/octet-stream"
        self._send(200, data, content, body=body)

    def _send(self, code: int, data: bytes, kind: str, *, body: bool) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Docker-Content-Digest", _sha256(data))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def main() -> None:
    """Serve."""
    _Registry.directory = Path(sys.argv[1])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), _Registry).serve_forever()


if __name__ == "__main__":
    main()
