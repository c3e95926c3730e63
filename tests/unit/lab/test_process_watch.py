"""The watch over daemons sees two on one home or key, and the loss of quorum: each can fail."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from tests.lab.machine import Machine
from tests.lab.process_watch import (
    ProcessWatch,
    Sample,
    Signer,
    online,
    shared,
    signers,
    watch_processes,
)
from tests.lab.spec import NODES, HostSpec, NodeSpec
from tests.lab.world import World

VAL1, VAL4, COPY = Signer("val1", "A1"), Signer("val4", "A4"), Signer("standby1", "A4")
FULL = Signer("full1", "")
POWERS = {"val1": 40, "val2": 30, "val3": 20, "val4": 10}
LONG_AGO = 4242


@dataclass(frozen=True)
class Host:
    """A host with a tree of files, and processes in it."""

    spec: HostSpec
    root: Path

    def init(self) -> int | None:
        return 1 if self.root.exists() else None

    def path(self, inside: str) -> Path:
        return self.root / inside.lstrip("/")

    @property
    def node(self) -> NodeSpec:
        assert self.spec.node is not None
        return self.spec.node

    def runs(self, pid: int, *words: str, parent: int = 1) -> None:
        entry = self.path(f"/proc/{pid}")
        entry.mkdir(parents=True)
        (entry / "cmdline").write_text("".join(f"{word}\0" for word in words))
        rest = f"S {parent} " + "0 " * 17 + f"{LONG_AGO} 0"
        (entry / "stat").write_text(f"{pid} (a name) {rest}")

    def starts(self, pid: int, parent: int = 1) -> None:
        self.runs(pid, self.node.binary, "start", "--home", self.node.home, parent=parent)

    def has_key(self, address: str) -> None:
        key = self.path(f"{self.node.home}/config/priv_validator_key.json")
        key.parent.mkdir(parents=True)
        key.write_text(json.dumps({"address": address}))


@pytest.fixture
def hosts(tmp_path: Path) -> dict[str, Host]:
    found = {spec.name: Host(spec, tmp_path / spec.name) for spec in NODES}
    for host in found.values():
        host.path("/proc").mkdir(parents=True)
    return found


def seen(hosts: dict[str, Host]) -> Sample:
    return signers(World(cast(dict[str, Machine], hosts)))


def test_each_daemon_is_seen_with_its_key(hosts: dict[str, Host]) -> None:
    """Other processes that name the home are none, nor is who only waits for a daemon."""
    val1, full1 = hosts["val1"], hosts["full1"]
    val1.has_key("A1")
    val1.starts(20)
    val1.runs(21, val1.node.binary, "rollback", "--home", val1.node.home)
    val1.runs(22, "/usr/bin/cosmovisor", "run", "start", "--home", val1.node.home)
    full1.runs(30, "/bin/sh", "/keep", full1.node.binary, "start", "--home", full1.node.home)
    full1.starts(31, parent=30)
    assert seen(hosts) == (FULL, VAL1)
    assert shared(seen(hosts)) == frozenset()


def test_two_daemons_on_one_home(hosts: dict[str, Host]) -> None:
    hosts["val1"].starts(20)
    hosts["val1"].starts(21)
    assert shared(seen(hosts)) == {"val1"}


def test_two_daemons_with_one_key(hosts: dict[str, Host]) -> None:
    """On two hosts; a copy of the key that nobody started is none."""
    for name in ("val4", "standby1"):
        hosts[name].has_key("A4")
    hosts["val4"].starts(20)
    assert shared(seen(hosts)) == frozenset()
    hosts["standby1"].starts(20)
    assert shared(seen(hosts)) == {"A4"}


def test_a_host_that_is_off_runs_nothing(hosts: dict[str, Host]) -> None:
    hosts["val1"].path("/proc").rmdir()
    hosts["val1"].root.rmdir()
    assert seen(hosts) == ()


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        pytest.param([(VAL1, VAL4), (VAL1,), (VAL1, VAL4)], [], id="restarted"),
        pytest.param([(VAL4,), (VAL4, COPY), (VAL4,)], ["A4"], id="a copy for a moment"),
        pytest.param([(VAL4, COPY), (VAL4,)], [], id="two before, ended"),
        pytest.param([(VAL4, COPY), (VAL4,), (VAL4, COPY)], ["A4"], id="and started again"),
        pytest.param([(VAL1,), (VAL1, VAL1)], ["A1", "val1"], id="two on a home"),
    ],
)
def test_a_second_daemon_that_comes_meanwhile(samples: list[Sample], found: list[str]) -> None:
    assert ProcessWatch(samples).newly_shared() == found


def test_power_is_online_where_a_daemon_runs() -> None:
    assert online((VAL1, VAL4, FULL, COPY), POWERS) == 50


@pytest.mark.parametrize(
    ("hosts_online", "lost"),
    [
        (("val1", "val2"), []),
        (("val1", "val3"), [60]),
        (("val2", "val3", "val4"), [60]),
        ((), [0]),
    ],
)
def test_quorum_is_more_than_two_thirds(hosts_online: tuple[str, ...], lost: list[int]) -> None:
    """In any one sample."""
    everybody = tuple(Signer(host, "") for host in POWERS)
    sample = tuple(Signer(host, "") for host in hosts_online)
    watch = ProcessWatch([everybody, sample, everybody])
    assert watch.lost_quorum(POWERS) == lost


def test_what_comes_and_goes_between_begin_and_end_is_sampled() -> None:
    """The look at the begin and at the end, and those between."""
    looks: Iterator[Sample] = iter([(VAL4,), (VAL4, COPY), (VAL4,)])
    last: list[Sample] = []

    def look() -> Sample:
        last.append(next(looks, (VAL4,)))
        return last[-1]

    with watch_processes(look) as watch:
        while len(last) < 3:
            time.sleep(0.01)
    assert watch.newly_shared() == ["A4"]
