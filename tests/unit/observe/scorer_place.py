"""A scoring service on loopback, and a host that runs it: stand-ins for what asks systemd."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.observe.observation import Scope
from remediations.systems.hosts import document
from remediations.systems.hosts import program as hosts_program
from remediations.systems.hosts.sections import section_limits
from remediations.systems.scorer.inventory import scoring_of
from remediations.systems.scorer.reading import ScorerReading, ScorersReading
from remediations.systems.scorer.system import SCORER
from remediations.systems.scorer.values import GoldenVectors
from remediations.values.inventory import Inventory

INVOCATION = "0123456789abcdef" * 2
PREDICTION = '{"predictions": [0.5]}'
METRICS = """# TYPE veid_inference_completed_total counter
veid_inference_completed_total{kind="a"} 7
veid_inference_completed_total{kind="b"} 3
veid_inference_errors_total 0
veid_inference_queue_length 2
veid_inference_latency_seconds_bucket{le="1"} 10
veid_inference_latency_seconds_sum 0.125
veid_inference_latency_seconds_count 10
process_secret 5
"""
SHOW = f"""LoadState=loaded
ActiveState=active
SubState=running
Result=success
InvocationID={INVOCATION}
NRestarts=1
ExecMainStatus=0
ExecMainStartTimestamp=Sun 2026-11-29 08:00:00 UTC
TimeoutStopUSec=1min 30s
TimeoutStartUSec=1min 30s
"""


class Service:
    """Answers predictions, health and metrics; `answer` says what, and may wait."""

    def __init__(self) -> None:
        service = self
        self.answer: Callable[[int, str], tuple[int, str]] = lambda _n, _body: (200, PREDICTION)
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                service.asked.append(body)
                self.reply(*service.answer(len(service.asked), body))

            def do_GET(self) -> None:
                self.reply(200, METRICS if self.path == "/metrics" else "OK")

            def reply(self, status: int, text: str) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text.encode())))
                    self.end_headers()
                    self.wfile.write(text.encode())
                except OSError:  # nobody waits any more
                    pass

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


class Place:
    """An inventory, a model directory, and stand-ins for what asks systemd."""

    def __init__(self, root: Path, port: int) -> None:
        self.root, self.model, self.bin = root, root / "model", root / "bin"
        self.bin.mkdir()
        (self.model / "variables").mkdir(parents=True)
        (self.model / "variables/data").write_bytes(b"weights")
        (self.model / "saved_model.pb").write_bytes(b"graph")
        (self.model / "export_metadata.json").write_text("{}")
        self.sha256 = hashlib.sha256(b"graph" + b"weights").hexdigest()
        self.log = f"2026 [info] Model loaded successfully version=v1.0.0 hash={self.sha256}"
        self.ended = "conmon says nothing"
        self.pid = str(os.getpid())
        self.nobody = ""
        self.command = "podman run image"
        self.environment = root / "etc/scorer.env"
        (root / "vectors.yaml").write_text(
            f"model: {self.sha256}\nform: float32\nvectors:\n"
            "- {name: low, request: '{\"instances\":[[0.25]]}', bits: [3f000000]}\n"
            "- {name: high, request: '{\"instances\":[[0.75]]}', "
            "answer: '{\"predictions\":[5e-1]}'}\n"
        )
        url = f"http://127.0.0.1:{port}"
        (root / "inventory.yaml").write_text(
            "version: 2\n"
            "scoring: {vectors: vectors.yaml, timeout_milliseconds: 1200, "
            'settings: {SCORER_THREADS: "1", --threads: "1"}, node_settings: {VEID_HASH: ""}}\n'
            "hosts:\n  val1: {scoring: {unit: veid-scorer.service, "
            f"url: '{url}/v1/models/trust_score:predict', metrics: '{url}/metrics', "
            f"health: '{url}/health', model: {self.model}, node: virtengined.service, "
            f"environment_file: {self.environment}}}}}\n"
        )

    @property
    def inventory(self) -> Inventory:
        systems = InstalledSystems(systems=(SCORER,), troubles=())
        return load_inventory(self.root / "inventory.yaml", systems)

    @property
    def golden(self) -> GoldenVectors:
        return scoring_of(self.inventory).golden

    def read(self) -> ScorerReading:
        """What the product reads of it."""
        for name, text in (
            (
                "systemctl",
                f"case $* in *MainPID*) echo {self.pid} ;; "
                f"*'=InvocationID '*) echo {INVOCATION} ;; "
                f"*'=ExecStart '*) echo 'ExecStart={{ argv[]={self.command} ; }}' ;; "
                f"*) cat <<'E'\n{SHOW}E\n;; esac",
            ),
            (
                "journalctl",
                f"case $* in *MESSAGE_ID*) echo Started ;; *'-n 20 '*) cat <<'E'\n{self.ended}\nE\n"
                f";; *) cat <<'E'\n{self.log}\nE\n;; esac",
            ),
            (
                "ss",
                self.nobody
                or f"echo 'LISTEN 0 5 127.0.0.1:1 *:* users:((\"x\",pid={self.pid},fd=3))'",
            ),
        ):
            (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
            (self.bin / name).chmod(0o755)
        inventory = self.inventory
        entry = inventory.host("val1")
        program = hosts_program.host_program(entry, Scope.FULL, (SCORER,), inventory)
        sent = datetime.now(UTC)
        done = subprocess.run(
            ["bash", "-s"],
            input=program.replace(b" PATH=", f" PATH={self.bin}:".encode()),
            capture_output=True,
            timeout=20,
        )
        found = document.read_document(
            done.stdout, sent=sent, received=datetime.now(UTC), limits=section_limits((SCORER,))
        )
        whole = SCORER.whole(inventory, [SCORER.read(found, entry, sent)])
        assert isinstance(whole, ScorersReading)
        return whole.host("val1")
