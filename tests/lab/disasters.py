"""Halts that INC-001 ends, one for each branch: how each comes about, and what an operator who
knows the cause would type. Figure 6 of the benchmarks and the cut-off runs go through them.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.lab.binary import virtengined
from tests.lab.lab import Lab
from tests.lab.operator import Operator
from tests.lab.shell import LabError
from tests.lab.spec import NODES

Steps = tuple[Mapping[str, str], ...]
"""Commands by host, for root; each step begins when the one before succeeded on all its hosts."""

FILES = "/var/lib/remediate/files"
STARTED = tuple(spec.name for spec in NODES if spec.node is not None and spec.node.started)
VALIDATORS = tuple(host for host in STARTED if host.startswith("val"))
VICTIMS = ("val2", "val4")
ONE, OTHER = ("val1", "val4", "full1"), ("val2", "val3")
HALT_S = 6.0


@dataclass(frozen=True)
class Halt:
    """What was broken: the height that stands, options of the plan, and the steps by hand."""

    height: int
    by_hand: Steps
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disaster:
    """One branch of INC-001 and the halt that it ends; `title` is what is done."""

    branch: str
    title: str
    happen: Callable[[Lab, Operator], Halt] = field(repr=False)

    def __str__(self) -> str:
        return self.branch


def on_all(hosts: Iterable[str], command: Callable[[str], str]) -> Mapping[str, str]:
    """The same step on several hosts."""
    return {host: command(host) for host in hosts}


def power_missing(lab: Lab, _: Operator) -> Halt:
    """Two validators with 40 of 100 are stopped."""
    lab.break_stop(*VICTIMS)
    height = lab.wait_stalled()
    return Halt(height, (on_all(VICTIMS, lambda host: f"systemctl start {lab.unit(host)}"),))


def all_down(lab: Lab, _: Operator) -> Halt:
    """Everybody is stopped, full nodes too."""
    height = lab.world.top()
    lab.break_stop(*STARTED)
    start = on_all(VALIDATORS, lambda host: f"systemctl start {lab.unit(host)}")
    return Halt(height, ({"full1": f"systemctl start {lab.unit('full1')}"}, start))


def halt_height(lab: Lab, _: Operator) -> Halt:
    """A `halt-height` that was left on all took effect."""
    at = lab.world.top() + 12
    lab.break_halt_height(*STARTED, at=at)
    for host in STARTED:
        lab.systemctl(host, "restart", lab.unit(host))
    height = lab.wait_stalled(HALT_S)

    def set_and_restart(host: str) -> str:
        settings = f"{lab.node(host).home}/config/app.toml"
        return (
            f"sed -i 's/^halt-height = .*/halt-height = 0/' {settings}; "
            f"systemctl restart {lab.unit(host)}"
        )

    return Halt(height, (on_all(STARTED, set_and_restart),))


def split(lab: Lab, _: Operator) -> Halt:
    """50 | 40 | 10 differ in their app hash; the cause is mended."""
    at = lab.world.top() + 5
    lab.break_app_hash("val1", "val4", at=at)
    lab.wait_stalled()
    lab.mend_cause("val1", "val4")
    before = base64.b64decode(lab.world.app_hash("val2", at - 1)).hex().upper()

    def take_back(host: str) -> str:
        node = lab.node(host)
        return (
            f"runuser -u {node.user} -- {node.binary} rollback --home {node.home} 2>&1 "
            f"| grep -q 'to height {at - 1} and hash {before}'"
        )

    return Halt(
        at,
        (
            on_all(STARTED, lambda host: f"systemctl stop {lab.unit(host)}"),
            on_all(STARTED, take_back),
            on_all(STARTED, lambda host: f"systemctl start {lab.unit(host)}"),
        ),
    )


def panic(lab: Lab, operator: Operator) -> Halt:
    """The application fails at a block everywhere; the program that does not is on the hosts."""
    lab.break_panic(at=lab.world.top() + 4)
    height = lab.wait_stalled(HALT_S)
    said = operator.says("stage", str(virtengined(2)))
    if said.code:
        raise LabError(f"not staged: {said.why}")
    program = str(said.result["digest"])

    def replace(host: str) -> str:
        binary = lab.node(host).binary
        return (
            f"systemctl stop {lab.unit(host)}; echo '{program}  {FILES}/{program}' | sha256sum -c; "
            f"cp -p {binary} {binary}.former; install -m 755 {FILES}/{program} {binary}.new; "
            f"mv {binary}.new {binary}; systemctl start {lab.unit(host)}"
        )

    return Halt(height, (on_all(STARTED, replace),), ("--program", program))


def partition(lab: Lab, _: Operator) -> Halt:
    """Routes that lead nowhere part the network in halves."""
    lab.break_partition(ONE, OTHER)
    height = lab.wait_stalled(12.0)
    open_all = (
        "ip route show type blackhole | while read -r kind to rest; "
        'do ip route del blackhole "$to"; done'
    )
    return Halt(height, (on_all((*ONE, *OTHER), lambda _: open_all),))


DISASTERS = (
    Disaster("start-missing-together", "two of four validators are started", power_missing),
    Disaster("start-everybody", "all are started, the full node first", all_down),
    Disaster("lift-halt-height", "a setting is changed on all, all are restarted", halt_height),
    Disaster("roll-back-together", "all are rolled back by one block", split),
    Disaster("install-past-panic", "all get another program", panic),
    Disaster("mend-links", "routes are removed, nobody is restarted", partition),
)
