"""A scoring service is read for real: its fragment runs here, against a service on loopback."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from datetime import UTC, datetime

import pytest

from remediations.systems.scorer.poll import (
    ScorerTarget,
    poll_command,
    read_poll,
)
from remediations.values.reading import Known, Unknown, Why
from tests.unit.observe.scorer_place import INVOCATION, PREDICTION, Place, Service


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
