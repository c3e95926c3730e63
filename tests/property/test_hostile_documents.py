"""Whatever a host prints is read in bounded time and memory, and no reason repeats it."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import HostReading
from remediations.systems.hosts.document import DocumentError
from remediations.systems.hosts.sections import TOTAL_BYTES
from tests.inventories import node_entry
from tests.property.hostile import bombs, document
from tests.property.mutations import examples
from tests.property.test_readers_answers import SECTIONS
from tests.readings import LIMITS, read_document, read_host

SENT = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
ENTRY = node_entry(name="val1", role=Role.VALIDATOR, ssh="val1")
CPU_S = 20.0
"""For one document: what goes with a power of its length takes minutes, the worst of these less
than a second. It is CPU time: others who use the machine do not count."""
MIB = 200
"""What reading one document may take."""
CANARY = "CANARY-2e9d"


def read(printed: bytes) -> HostReading | None:
    """The reading; None where there is no document."""
    try:
        seen = read_document(printed, sent=SENT, received=SENT + timedelta(seconds=1))
    except DocumentError:
        return None
    return read_host(seen, ENTRY, SENT)


def measure() -> None:
    """Reads every bomb; prints what each took. It runs in a process of its own."""
    for name, printed in bombs():
        rows = Path("/proc/self/status").read_text().split()
        in_use = int(rows[rows.index("VmData:") + 1]) << 10
        limit = in_use + (MIB << 20), resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_DATA, limit)
        began = time.process_time()
        read(printed)
        print(json.dumps([name, time.process_time() - began]), flush=True)
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY,) * 2)


@pytest.fixture(scope="module")
def costs() -> dict[str, float]:
    """CPU seconds of each bomb; who runs out of memory ends the process, and those after it."""
    code = "from tests.property.test_hostile_documents import measure; measure()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-2000:]
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_no_document_costs_more_than_seconds_or_megabytes(costs: dict[str, float]) -> None:
    """All that are known: texts for slow expressions, long numbers, depth, bombs of every kind."""
    assert len(costs) > 40
    assert {name: cost for name, cost in costs.items() if cost > CPU_S} == {}


def test_all_sections_together_are_bounded() -> None:
    """By their own limits: nothing has to be counted while they are unpacked."""
    assert sum(LIMITS.values()) <= TOTAL_BYTES


def reasons(value: object) -> Iterator[str]:
    """All reasons of unknown readings in a tree of builtins."""
    if isinstance(value, dict):
        if value.get("reading") == "unknown":
            yield value["reason"]
        for inner in value.values():
            yield from reasons(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from reasons(inner)


PARSED = sorted(set(SECTIONS) - {"found"})
"""`found` says in words what was not found, with the names of units and homes."""


@given(st.data())
@examples(300)
def test_no_reason_repeats_what_could_not_be_read(data: st.DataObject) -> None:
    """A secret in any place of any section: it may be a value, and is never part of a reason."""
    name = data.draw(st.sampled_from(PARSED))
    whole = SECTIONS[name]
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, min(len(whole), begin + 40)))
    reading = read(document({name: whole[:begin] + CANARY.encode() + whole[end:]}))
    assert reading is not None
    assert [why for why in reasons(msgspec.to_builtins(reading)) if CANARY in why] == []


STRESS = """
import threading
from tests.property.test_hostile_documents import read
from tests.property.hostile import document
printed, together = document({}), threading.Barrier(6)
def go():
    together.wait()
    for _ in range(3):
        assert read(printed) is not None
threads = [threading.Thread(target=go) for _ in range(6)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_answers_are_read_by_several_threads_at_once() -> None:
    """The first documents of a process, all at the same moment, every time."""
    for _ in range(10):
        done = subprocess.run([sys.executable, "-c", STRESS], capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr[-500:]
