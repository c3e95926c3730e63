"""One host among fifty that wants to harm, over real SSH: the others are read as fast as ever."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from remediations.engine.observe.observation import Observation
from remediations.systems.comet.reading import CometReading, comet_reading
from remediations.values.reading import Known, Unknown
from remediations.values.wire import decode
from tests.bench.estate import REMEDIATE, Estate, estate
from tests.bench.reading import stopped
from tests.bench.sshd import best_way
from tests.property.hostile import bombs

NAMES = 50
HOSTILE = 7
MORE_S = 2.0
LIMIT_S = 60
BOMBS = ("all sections at once", "2000 unknown sections", "two million names", "show 0")


@pytest.fixture(scope="module")
def fifty() -> Iterator[Estate]:
    with estate(NAMES, best_way()) as made:
        yield made


@pytest.fixture(scope="module")
def usual(fifty: Estate) -> float:
    """Seconds without a hostile host: the slowest of three, since others use this machine, too."""
    return max(diagnosed(fifty, None)[1] for _ in range(3))


def diagnosed(made: Estate, hostile: bytes | None) -> tuple[CometReading, float]:
    """What one `diagnose` saved, and how long it took."""
    made.renew()
    if hostile is not None:
        (made.served / "readings" / made.addresses[HOSTILE]).write_bytes(hostile)
    file = made.path / "seen.json"
    began = time.monotonic()
    subprocess.run(
        [REMEDIATE, "diagnose", "--save", file],
        env=made.environment,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    return comet_reading(decode(file.read_bytes(), Observation)), time.monotonic() - began


@pytest.mark.parametrize("bomb", BOMBS)
def test_forty_nine_are_read_as_without_it(fifty: Estate, usual: float, bomb: str) -> None:
    """All of them, in the same time."""
    hostile = next(text for name, text in bombs() if name == bomb)
    seen, took = diagnosed(fifty, hostile)
    others = [reading for index, reading in enumerate(seen.hosts) if index != HOSTILE]
    assert len(others) == NAMES - 1
    assert all(isinstance(reading.unit, Known) for reading in others)
    running = [r for r in seen.hosts[stopped(NAMES) :] if r in others]
    assert all(isinstance(sample.status, Known) for r in running for sample in r.samples)
    assert isinstance(seen.hosts[HOSTILE].unit, Unknown) or bomb == "all sections at once"
    assert took < usual + MORE_S
