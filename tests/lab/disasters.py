"""What the chain's branches end, one disaster for each: how it comes about, whose daemons may be
others afterwards, and, for halts of all, what an operator who knows the cause would type.

The cut-off runs go through all of them, figure 6 of the benchmarks through those with a script.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.lab.binary import virtengined
from tests.lab.data_copies import brought
from tests.lab.holds import let_go
from tests.lab.lab import Lab
from tests.lab.operator import LOOKS, Operator
from tests.lab.shell import LabError
from tests.lab.spec import NODES

Steps = tuple[Mapping[str, str], ...]
"""Commands by host, for root; each step begins when the one before succeeded on all its hosts."""

FILES = "/var/lib/remediate/files"
STARTED = tuple(spec.name for spec in NODES if spec.node is not None and spec.node.started)
VALIDATORS = tuple(host for host in STARTED if host.startswith("val"))
VICTIMS = ("val2", "val4")
STANDBY = "standby1"
ONE, OTHER = ("val1", "val4", "full1"), ("val2", "val3")
HALT_S = 6.0
AHEAD = 14
"""Blocks, within which a busy chain has to take the plan of an upgrade."""
HALTS_WITHIN_S = 90.0
"""Some blocks after it was scheduled, on a busy machine."""


@dataclass(frozen=True)
class Broken:
    """What was broken: the height then, options of the plan, and the steps by hand."""

    height: int
    by_hand: Steps = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disaster:
    """One branch of a playbook and what it ends; `title` is what is done, on the hosts that it
    `touches`: the daemons of all others stay the same. `goes_on`: blocks come all the while."""

    branch: str
    title: str
    happen: Callable[[Lab, Operator], Broken] = field(repr=False)
    touches: tuple[str, ...] = STARTED
    playbook: str = "INC-001"
    goes_on: bool = False

    def __str__(self) -> str:
        return self.branch


def on_all(hosts: Iterable[str], command: Callable[[str], str]) -> Mapping[str, str]:
    """The same step on several hosts."""
    return {host: command(host) for host in hosts}


def power_missing(lab: Lab, _: Operator) -> Broken:
    """Two validators with 40 of 100 are stopped."""
    lab.break_stop(*VICTIMS)
    height = lab.wait_stalled()
    return Broken(height, (on_all(VICTIMS, lambda host: f"systemctl start {lab.unit(host)}"),))


def all_down(lab: Lab, _: Operator) -> Broken:
    """Everybody is stopped, full nodes too."""
    height = lab.world.top()
    lab.break_stop(*STARTED)
    start = on_all(VALIDATORS, lambda host: f"systemctl start {lab.unit(host)}")
    return Broken(height, ({"full1": f"systemctl start {lab.unit('full1')}"}, start))


def halt_height(lab: Lab, _: Operator) -> Broken:
    """A `halt-height` that was left on all took effect."""
    at = lab.world.top() + 12
    lab.break_halt_height(*STARTED, at=at)
    for host in STARTED:
        lab.systemctl(host, "restart", lab.unit(host))
    height = lab.wait_stalled(HALT_S, HALTS_WITHIN_S)

    def set_and_restart(host: str) -> str:
        settings = f"{lab.node(host).home}/config/app.toml"
        return (
            f"sed -i 's/^halt-height = .*/halt-height = 0/' {settings}; "
            f"systemctl restart {lab.unit(host)}"
        )

    return Broken(height, (on_all(STARTED, set_and_restart),))


def states_differ(lab: Lab, *hosts: str) -> int:
    """These hosts have another state after the block that is returned; it is the last."""
    at = lab.world.top() + 5
    lab.break_app_hash(*hosts, at=at)
    lab.wait_stalled()
    return at


def split(lab: Lab, _: Operator) -> Broken:
    """50 | 40 | 10 differ in their app hash; the cause is mended."""
    at = states_differ(lab, "val1", "val4")
    lab.mend_cause("val1", "val4")
    before = base64.b64decode(lab.world.app_hash("val2", at - 1)).hex().upper()

    def take_back(host: str) -> str:
        node = lab.node(host)
        return (
            f"runuser -u {node.user} -- {node.binary} rollback --home {node.home} 2>&1 "
            f"| grep -q 'to height {at - 1} and hash {before}'"
        )

    return Broken(
        at,
        (
            on_all(STARTED, lambda host: f"systemctl stop {lab.unit(host)}"),
            on_all(STARTED, take_back),
            on_all(STARTED, lambda host: f"systemctl start {lab.unit(host)}"),
        ),
    )


def panic(lab: Lab, operator: Operator) -> Broken:
    """The application fails at a block everywhere; the program that does not is on the hosts."""
    lab.break_panic(at=lab.world.top() + 4)
    return _other_program(lab, operator)


def upgrade(lab: Lab, operator: Operator) -> Broken:
    """The chain asks for the program of an upgrade; it is on the hosts."""
    lab.break_upgrade(at=lab.world.top() + AHEAD)
    return _other_program(lab, operator)


def _other_program(lab: Lab, operator: Operator) -> Broken:
    """The chain stands, and goes on with release 2."""
    height = lab.wait_stalled(HALT_S, HALTS_WITHIN_S)
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

    return Broken(height, (on_all(STARTED, replace),), ("--program", program))


def partition(lab: Lab, _: Operator) -> Broken:
    """Routes that lead nowhere part the network in halves."""
    lab.break_partition(ONE, OTHER)
    height = lab.wait_stalled(12.0)
    open_all = (
        "ip route show type blackhole | while read -r kind to rest; "
        'do ip route del blackhole "$to"; done'
    )
    return Broken(height, (on_all((*ONE, *OTHER), lambda _: open_all),))


def corrupt(lab: Lab, operator: Operator) -> Broken:
    """val4's database is garbage; a copy of the full node is with it."""
    lab.break_database("val4")
    _found(operator, "val4", "database-corrupt")
    copy = brought(operator, "node-down", "full1", "val4")
    return Broken(lab.world.top(), options=("--data", copy))


def one_side_is_chosen(lab: Lab, operator: Operator) -> Broken:
    """val1 (40) has another state than the others, and people judge it wrong; a copy of val2 is
    with it."""
    at = states_differ(lab, "val1")
    return Broken(at, options=("--data", brought(operator, "INC-001", "val2", "val1")))


def disk_full(lab: Lab, operator: Operator) -> Broken:
    """A core dump fills val3's disk, and its consensus died of it."""
    lab.break_disk_full("val3", "core.4242", core=True)
    height = lab.world.top()
    lab.wait_height(height + 3, 30, "val1", "val2", "val4")
    _found(operator, "val3", "disk-full", frees="enough")
    return Broken(height)


def too_few_files(lab: Lab, operator: Operator) -> Broken:
    """val4 may open fewer files than it needs, and ends at every start."""
    lab.break_open_files("val4")
    height = lab.world.top()
    lab.wait_height(height + 3, 60, "val1", "val2", "val3")
    return Broken(height)


def second_signer(lab: Lab, operator: Operator) -> Broken:
    """The standby runs with val4's key, behind a broken link: nobody has seen its votes."""
    lab.break_partition((STANDBY,), STARTED)
    lab.mend_host(lambda: let_go(lab))
    lab.break_duplicate_key("val4", STANDBY, started=True)
    for _ in range(LOOKS):
        if operator.diagnose()["chain"] == "double-signing":
            return Broken(lab.world.top())
    raise LabError("two signers are not seen")


def diverged(lab: Lab, operator: Operator) -> Broken:
    """val4 (10) failed on a state of its own; the cause is mended."""
    at = lab.world.top() + 4
    lab.break_app_hash("val4", at=at)
    lab.wait_height(at + 4, 30, "val1", "val2", "val3")
    lab.mend_cause("val4")
    return Broken(at)


def _found(operator: Operator, host: str, condition: str, **more: str) -> None:
    """Wait until a busy machine gave time to see what ails a node.

    Raises:
        LabError: it is called otherwise.
    """
    for _ in range(LOOKS):
        (node,) = [one for one in operator.diagnose()["nodes"] if one["host"] == host]
        if node["condition"] == condition and more.items() <= node.items():
            return
    raise LabError(f"{host}: {node['condition']}: {node['cause']}")


HALTS = (
    Disaster(
        "start-missing-together", "two of four validators are started", power_missing, VICTIMS
    ),
    Disaster("start-everybody", "all are started, the full node first", all_down),
    Disaster("lift-halt-height", "a setting is changed on all, all are restarted", halt_height),
    Disaster("roll-back-together", "all are rolled back by one block", split),
    Disaster("install-past-panic", "all get another program", panic),
    Disaster("install-upgrade", "all get the program of an upgrade", upgrade),
    Disaster("mend-links", "routes are removed, nobody is restarted", partition, ()),
)
"""With the steps by hand."""
DISASTERS = (
    *HALTS,
    Disaster("adopt-side", "one gets the databases of the others", one_side_is_chosen, ("val1",)),
    Disaster(
        "rebuild", "one gets the databases of a full node", corrupt, ("val4",), "node-down", True
    ),
    Disaster("free-space", "what fills a disk goes", disk_full, ("val3",), "node-down", True),
    Disaster(
        "raise-open-files", "one may open more files", too_few_files, ("val4",), "node-down", True
    ),
    Disaster(
        "roll-back-alone", "one is rolled back by one block", diverged, ("val4",), goes_on=True
    ),
    Disaster(
        "stop-duplicate",
        "the second holder of a key is stopped",
        second_signer,
        (STANDBY,),
        "double-sign",
        True,
    ),
)
"""All of them. Those below `HALTS` have no script by hand, and are no part of figure 6."""
