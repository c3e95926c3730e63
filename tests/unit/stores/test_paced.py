"""A store that is no faster than the inventory allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediations.systems.stores.file_tree import FileTree
from remediations.systems.stores.paced import PacedStore

MIB = 1024 * 1024


class Clock:
    """Time that passes by waiting alone."""

    def __init__(self) -> None:
        self.now, self.waits = 0.0, list[float]()

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += max(0.0, seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("remediations.systems.stores.paced.time.monotonic", lambda: made.now)
    return made


@pytest.fixture
def tree(tmp_path: Path) -> FileTree:
    (tmp_path / "one").write_bytes(b"a" * MIB)
    return FileTree("vault", tmp_path)


def test_it_reads_and_writes_at_its_rate(clock: Clock, tree: FileTree) -> None:
    """Two MiB a second: three objects and a write of one MiB take until the second second."""
    store = PacedStore(tree, 2, clock.wait)
    first = store.live("one")
    assert clock.now == 0.0
    store.replace(first, b"b" * MIB)
    assert clock.now == 0.0, "it waited between what was read and the write that compares with it"
    store.live("one")
    assert clock.now == pytest.approx(1.0)
    store.read("one", store.live("one").version)
    assert clock.now == pytest.approx(2.0)


def test_without_a_rate_nobody_waits(clock: Clock, tree: FileTree) -> None:
    """As fast as it goes; what was moved is counted all the same."""
    store = PacedStore(tree, 0, clock.wait)
    for _ in range(3):
        store.live("one")
    assert (clock.waits, store.moved) == ([], 3 * MIB)
