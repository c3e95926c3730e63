"""What is asserted after each rescue can fail: one world for each thing that must not be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from tests.lab.lab import Lab
from tests.lab.spec import NODES, VALIDATORS
from tests.lab.truth import rescued
from tests.lab.world import Daemon, Json, Watch, World

TOP = 100
BEGAN = datetime(2026, 11, 30, tzinfo=UTC)
RUNNING = tuple(spec.name for spec in NODES if spec.node is not None and spec.node.started)


@dataclass
class Truth:
    """A world in which all is well, until a test says otherwise."""

    running: dict[str, list[Daemon]] = field(
        default_factory=lambda: {
            spec.name: [Daemon(20, 1)] if spec.name in RUNNING else [] for spec in NODES
        }
    )
    logs: dict[str, list[tuple[str, int]]] = field(
        default_factory=lambda: {host: [("wal", 7)] for host in RUNNING}
    )
    signed: Watch = field(
        default_factory=lambda: Watch({spec.name: [(TOP, 0, 3)] for spec in VALIDATORS})
    )
    states: dict[str, str] = field(default_factory=lambda: dict.fromkeys(RUNNING, "same"))
    found: list[int] = field(default_factory=list)
    seconds: int = 1

    def daemons(self) -> dict[str, Daemon | None]:
        return {host: next(iter(found), None) for host, found in self.running.items()}

    def every_daemon(self, host: str) -> list[Daemon]:
        return list(self.running[host])

    def key_file(self, host: str) -> bytes:
        raise FileNotFoundError(host)

    def wal_inodes(self, host: str) -> list[tuple[str, int]]:
        return self.logs[host]

    @contextmanager
    def watch_sign_states(self) -> Iterator[Watch]:
        yield self.signed

    def top(self) -> int:
        return TOP

    def heights(self) -> dict[str, int | None]:
        return {host: TOP + 9 if found else None for host, found in self.running.items()}

    def earliest(self, host: str) -> int:
        return 1

    def app_hash(self, host: str, height: int) -> str:
        return self.states[host]

    def evidence(self, host: str) -> list[int]:
        return self.found

    def block_times(self, host: str, first: int, last: int) -> list[datetime]:
        return [BEGAN + timedelta(seconds=self.seconds * n) for n in range(last - first + 1)]


@dataclass
class FakeLab:
    """A lab whose blocks never fail to come."""

    world: Truth

    def wait_height(self, height: int, timeout: float, *hosts: str) -> None: ...


@pytest.fixture
def truth() -> Truth:
    return Truth()


def test_a_world_in_which_all_is_well(truth: Truth) -> None:
    with rescued(cast(Lab, FakeLab(truth)), "val4", goes_on=True):
        truth.running["val4"] = [Daemon(21, 2)]


def second_daemon(truth: Truth) -> None:
    truth.running["val4"] = [Daemon(20, 1), Daemon(21, 2)]


def lost_quorum(truth: Truth) -> None:
    truth.running["val4"] = []
    truth.running["val2"] = []


def paused(truth: Truth) -> None:
    truth.seconds = 21


def restarted(truth: Truth) -> None:
    truth.running["val3"] = [Daemon(21, 2)]


def lowered(truth: Truth) -> None:
    truth.signed.seen["val1"].append((TOP, 0, 2))


def not_watched(truth: Truth) -> None:
    truth.signed.seen["val1"] = []


def new_log(truth: Truth) -> None:
    truth.logs["val3"] = [("wal", 8)]


def split(truth: Truth) -> None:
    truth.states["val3"] = "another"


def signed_twice(truth: Truth) -> None:
    truth.found.append(TOP + 3)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (second_daemon, "newly_shared"),
        (lost_quorum, "lost_quorum"),
        (paused, "longest_pause"),
        (restarted, "val3 was restarted"),
        (lowered, "lowered"),
        (not_watched, "sign states were not watched"),
        (new_log, "the write-ahead log of val3 was touched"),
        (split, "another"),
        (signed_twice, "evidence"),
    ],
)
def test_each_harm_is_seen(truth: Truth, harm: Callable[[Truth], None], told: str) -> None:
    lab = cast(Lab, FakeLab(truth))
    with pytest.raises(AssertionError) as failed, rescued(lab, "val2", "val4", goes_on=True):
        harm(truth)
    assert told in str(failed.value) or told in str(failed.traceback[-1].statement)


@pytest.mark.parametrize("harm", [lost_quorum, paused])
def test_a_chain_that_stood_has_no_quorum_and_no_blocks(
    truth: Truth, harm: Callable[[Truth], None]
) -> None:
    """Before it is rescued: nothing of that is asked, then."""
    daemons = dict(truth.running)
    with rescued(cast(Lab, FakeLab(truth)), "val2", "val4"):
        harm(truth)
        truth.running.update(daemons)


def test_times_of_blocks_are_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nanoseconds, fewer digits and none; in the order of time."""
    headers = {7: "2026-11-30T16:51:03.123456789Z", 8: "2026-11-30T16:51:04.5Z"}
    headers[30] = "2026-11-30T16:51:05Z"
    asked = []

    def rpc(self: World, host: str, path: str) -> Json:
        asked.append(path)
        low, high = (int(one.split("=")[1]) for one in path.partition("?")[2].split("&"))
        metas = [{"header": {"time": headers[n]}} for n in headers if low <= n <= high]
        return {"block_metas": metas[::-1]}

    monkeypatch.setattr(World, "rpc", rpc)
    times = World({}).block_times("val1", 7, 30)
    assert [time.microsecond for time in times] == [123456, 500000, 0]
    assert asked == [
        "blockchain?minHeight=7&maxHeight=26",
        "blockchain?minHeight=27&maxHeight=30",
    ]
