"""A scoring service is read for real: its fragment runs here, against a service on loopback."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.observe.observation import Scope
from remediations.systems.hosts import document
from remediations.systems.hosts import program as hosts_program
from remediations.systems.hosts.sections import section_limits
from remediations.systems.scorer.inventory import scoring_of
from remediations.systems.scorer.poll import (
    ScorerTarget,
    environment_text,
    poll_command,
    read_poll,
)
from remediations.systems.scorer.reading import ScorerReading, ScorersReading
from remediations.systems.scorer.system import SCORER
from remediations.systems.scorer.values import EnvironmentFile, GoldenVectors
from remediations.values.inventory import Inventory
from remediations.values.reading import Known, Unknown, Why

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


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.server.shutdown()
    service.server.server_close()


@pytest.fixture
def place(tmp_path: Path, service: Service) -> Place:
    tmp_path.chmod(0o700)
    return Place(tmp_path, service.port)


def test_all_that_is_read(place: Place, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen(
        ["sleep", "60"],
        env={
            "SCORER_THREADS": "1",
            "VEID_HASH": "x1",
            "SECRET": "hunter2",
            "PATH": "/usr/bin:/bin",
        },
    )
    place.pid = str(child.pid)
    try:
        reading = place.read()
    finally:
        child.kill()
        child.wait()
    for name in ("unit", "disk", "loaded", "process", "node", "machine", "health", "asks"):
        assert isinstance(getattr(reading, name), Known), (name, getattr(reading, name))
    assert isinstance(reading.unit, Known)
    assert (reading.unit.value.invocation, reading.unit.value.starts) == (INVOCATION, 1)
    assert reading.unit.value.since == datetime(2026, 11, 29, 8, tzinfo=UTC)
    assert isinstance(reading.disk, Known)
    assert reading.disk.value.sha256 == place.sha256
    assert [f.path for f in reading.disk.value.files] == ["saved_model.pb", "variables/data"]
    assert isinstance(reading.loaded, Known)
    assert reading.loaded.value.sha256 == place.sha256
    assert isinstance(reading.process, Known)
    assert [(s.name, s.value) for s in reading.process.value.settings] == [("SCORER_THREADS", "1")]
    assert any(one.name.startswith("libc") for one in reading.process.value.libraries)
    assert isinstance(reading.node, Known)
    assert [(s.name, s.value) for s in reading.node.value.settings] == [("VEID_HASH", "x1")]
    first = reading.counters[0]
    assert isinstance(first, Known)
    counted = first.value
    assert (counted.completed, counted.errors, counted.queue) == (10, 0, 2)
    assert (counted.latency_us, counted.latencies) == (125_000, 10)
    assert isinstance(reading.asks, Known)
    assert [(a.vector, a.answer) for a in reading.asks.value] == [
        (name, '{"predictions":[0x3f000000]}') for name in ("low", "high", "low", "high")
    ]
    assert service.asked[0] == '{"instances":[[0.25]]}'
    assert "hunter2" not in str(reading)


def test_the_loaders_hash_is_that_of_contents_in_order_of_paths(place: Place) -> None:
    (place.model / "a-first").write_bytes(b"1")
    reading = place.read()
    assert isinstance(reading.disk, Known)
    assert reading.disk.value.sha256 == hashlib.sha256(b"1graphweights").hexdigest()


ID = "c3" * 32


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        ("Starting\n[error] Fatal err=gone\nbye", "[error] Fatal err=gone"),
        (f"Starting\nbye\n{ID}\n\n", "bye"),
        (
            "Error: stat /dev/nvidia0: no such file or directory\n"
            "Error: reading CIDFile: open /run/a.ctr-id: no such file or directory\n"
            'Error: no container with name or ID "a" found: no such container',
            "Error: stat /dev/nvidia0: no such file or directory",
        ),
        ("Error: x password=hunter2 y", "Error: x password=… y"),
        ("Error: API_KEY: 'hunter2' y", "Error: API_KEY: … y"),
        ("Error: get https://me:hunter2@host/x", "Error: get https://…@host/x"),
        ("Error: Authorization: Bearer hunter2", "Error: Authorization: …"),
        ("Error: " + 400 * "x", "Error: " + 293 * "x"),
        ("Error: \x1b[31mred\xff", "Error: ?[31mred??"),
    ],
    ids=[
        "error",
        "last",
        "before podman stops",
        "password",
        "key",
        "login",
        "bearer",
        "long",
        "odd bytes",
    ],
)
def test_what_it_said_last(place: Place, ended: str, told: str) -> None:
    """Of one to which nobody listens: one line, without secrets."""
    place.nobody, place.ended = "true", ended
    line = place.read().last_line
    assert isinstance(line, Known)
    assert line.value == told


def test_of_one_that_runs_no_line_leaves_its_host(place: Place) -> None:
    place.ended = "Error: hunter2"
    assert isinstance(place.read().last_line, Unknown)


def test_a_link_in_the_model_is_not_followed(place: Place) -> None:
    (place.model / "link").symlink_to("/etc/passwd")
    disk = place.read().disk
    assert isinstance(disk, Unknown)
    assert disk.why is Why.REFUSED


def test_a_frozen_engine_costs_two_time_limits(place: Place, service: Service) -> None:
    def hang(_number: int, _body: str) -> tuple[int, str]:
        time.sleep(4)
        return 200, PREDICTION

    service.answer = hang
    reading = place.read()
    assert isinstance(reading.asks, Known)
    assert [ask.timed_out for ask in reading.asks.value] == [True, True]
    assert isinstance(reading.health, Known)


# Just over what is read, and more than any pipe holds: curl may, and must, see that nobody reads.
@pytest.mark.parametrize("length", [9_000, 2_000_000])
def test_errors_and_nonsense_are_no_answers(place: Place, service: Service, length: int) -> None:
    answers = {1: (500, "out of\x1b[31m range\n"), 2: (200, "not json"), 3: (200, "x" * length)}
    service.answer = lambda number, _body: answers.get(number, (200, PREDICTION))
    reading = place.read()
    assert isinstance(reading.asks, Known)
    troubles = [ask.trouble for ask in reading.asks.value]
    assert troubles[0] == "HTTP 500: out of range"
    assert troubles[1] == "an answer that is not JSON"
    assert "more than" in troubles[2]
    assert reading.asks.value[3].answer


def test_a_line_of_an_earlier_invocation_does_not_count(place: Place) -> None:
    place.log = "nothing about it"
    assert isinstance(place.read().loaded, Unknown)


def test_nobody_listens(place: Place, service: Service) -> None:
    service.server.shutdown()
    service.server.server_close()
    reading = place.read()
    assert isinstance(reading.asks, Known)
    assert {ask.trouble for ask in reading.asks.value} == {
        "the connection was refused: nothing listens"
    }


def test_the_poll_of_a_run_asks_the_same(place: Place, service: Service) -> None:
    golden = place.golden
    target = ScorerTarget(
        host="val1",
        unit="veid-scorer.service",
        url=f"http://127.0.0.1:{service.port}/v1/models/trust_score:predict",
        power=1,
    )
    place.read()  # installs the stand-ins
    command = poll_command(target, golden, 3000)
    done = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        env={**os.environ, "PATH": f"{place.bin}:{os.environ['PATH']}"},
    )
    poll = read_poll(done.stdout, golden)
    assert poll.invocation == INVOCATION
    assert poll.answers == {vector.name: vector.answer for vector in golden.vectors}


def written(place: Place, text: str, mode: int = 0o640) -> EnvironmentFile:
    """What is read of an environment file of that text."""
    place.environment.parent.mkdir()
    place.environment.write_text(text)
    place.environment.chmod(mode)
    read = place.read().environment
    assert isinstance(read, Known), read
    assert "hunter2" not in str(read)
    return read.value


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files of root")
def test_of_an_environment_file_the_declared_names_are_read(place: Place) -> None:
    """And of no other name anything."""
    place.command = f"podman run --env-file {place.environment} image --threads 1"
    found = written(place, "SECRET=hunter2\nSCORER_THREADS=2\n")
    assert (found.trouble, found.taken, found.form) == ("", "--env-file", "")
    assert [(one.name, one.value) for one in found.settings] == [("SCORER_THREADS", "2")]
    assert (found.odd, found.over) == ((), ())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files of root")
def test_an_odd_line_of_an_environment_file_is_told_and_not_shown(place: Place) -> None:
    place.command = f"podman run --env-file {place.environment} --env SCORER_THREADS=1 image"
    found = written(place, "SCORER_THREADS='hunter2'\nSECRET=hunter2")
    assert [one.name for one in found.odd] == ["SCORER_THREADS"]
    assert [one.value for one in found.over] == ["the command of the unit sets it"]
    assert found.form == "its last line does not end"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files of root")
def test_an_environment_file_of_others_is_not_read(place: Place) -> None:
    found = written(place, "SCORER_THREADS=2\n", mode=0o646)
    assert (found.trouble, found.taken) == ("others may write to it", "")
    assert found.settings == ()


def test_the_poll_of_a_run_reads_declared_names_only(place: Place) -> None:
    """Of the one process on the port, by a program that is run as root."""
    place.read()  # installs the stand-ins
    environment = {"A_B": "1", "A_BC": "hunter2", "LINES": "a\nA_B=3", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(["sleep", "60"], env=environment) as child:
        place.pid = str(child.pid)
        place.read()
        text = environment_text("http://127.0.0.1:8501/v1", ("A_B", "NONE"))
        done = subprocess.run(
            ["sh", "-c", text],
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": f"{place.bin}:{os.environ['PATH']}"},
        )
        child.kill()
    assert (done.returncode, done.stdout) == (0, "settings=yes\nset_A_B=1\n")
    read = read_poll(done.stdout.encode(), place.golden)
    assert [(one.name, one.value) for one in read.settings or ()] == [("A_B", "1")]
    assert read_poll(b"", place.golden).settings is None
