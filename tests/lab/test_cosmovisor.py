"""Nodes below the real cosmovisor: an upgrade, a patched program, and a step that was cut off."""

from __future__ import annotations

from tests.lab.binary import virtengined
from tests.lab.choice import full_lab
from tests.lab.cosmovisor import name_of, put_program, root_of, sha256_of
from tests.lab.lab import Lab
from tests.lab.machine import ON
from tests.lab.operator import Operator
from tests.lab.spec import VALIDATORS
from tests.lab.test_install import FILES, applied, failing, planned, refused, seen, staged
from tests.lab.truth import rescued

SETTLED = 6
"""A transaction in the first blocks is signed for another account number."""
UPGRADE_AHEAD = 12
"""So many blocks until the upgrade: the nodes are to be there before."""
SHOULD_RUN = ("val1", "val2", "val3", "val4", "full1")


def waits_for_upgrade(lab: Lab, *, backup: bool = False) -> int:
    """All nodes run below cosmovisor, and wait for the program of an upgrade; its height."""
    lab.put_below_cosmovisor(backup=backup)
    lab.wait_height(SETTLED, 60)
    at = lab.world.top() + UPGRADE_AHEAD
    lab.break_upgrade(at=at)
    lab.wait_asked(*SHOULD_RUN)
    return at


def runs(lab: Lab, host: str, where: str, release: int) -> None:
    """cosmovisor selects `where` (genesis, or upgrades/NAME), and its child is of this release."""
    node, machine = lab.node(host), lab.hosts[host]
    assert machine.sh(f"readlink {root_of(node)}/current").strip() == f"{root_of(node)}/{where}"
    daemon = lab.world.daemon(host)
    assert daemon is not None
    program = virtengined(release).read_bytes()
    assert machine.path(f"/proc/{daemon.pid}/exe").read_bytes() == program
    path = f"{root_of(node)}/{where}/bin/{name_of(node)}"
    assert machine.path(path).read_bytes() == program
    owner = machine.path(path).stat()
    beside = machine.path(f"{root_of(node)}/genesis/bin/{name_of(node)}").stat()
    assert (owner.st_uid, owner.st_mode) == (beside.st_uid, beside.st_mode)


@full_lab
def test_an_upgrade_below_cosmovisor(lab: Lab, operator: Operator) -> None:
    """Nobody answers: cosmovisor ends each daemon. The program goes to its place on all, and
    cosmovisor switches by itself; upgrade-info.json and the program of before stay."""
    at = waits_for_upgrade(lab)
    seen(operator, "upgrade-needed")
    infos = {host: f"{lab.node(host).home}/data/upgrade-info.json" for host in SHOULD_RUN}
    before = {host: lab.world.file(host, path) for host, path in infos.items()}
    program = staged(operator, virtengined(2))
    with rescued(lab, *SHOULD_RUN, since=at):
        said = applied(operator, program)
        assert said.code == 0, said.why
    assert {host: lab.world.file(host, path) for host, path in infos.items()} == before
    for host in SHOULD_RUN:
        runs(lab, host, "upgrades/v2", 2)
        former = f"{root_of(lab.node(host))}/genesis/bin/{name_of(lab.node(host))}"
        assert lab.hosts[host].path(former).read_bytes() == virtengined(1).read_bytes()


@full_lab
def test_an_upgrade_whose_place_has_the_old_program(lab: Lab, operator: Operator) -> None:
    """On val3 somebody has put the old program there: cosmovisor has switched to it, and it asks
    again. It is replaced, and kept by its hash; all others get theirs beside. cosmovisor copies the
    data directories before."""
    at = waits_for_upgrade(lab, backup=True)
    put_program(lab.hosts["val3"], lab.node("val3"), "upgrades/v2", virtengined(1))
    lab.restart("val3")
    # cosmovisor writes this when it has switched.
    lab.wait_file("val3", f"{root_of(lab.node('val3'))}/upgrades/v2/upgrade-info.json")
    seen(operator, "upgrade-needed")
    program = staged(operator, virtengined(2))
    with rescued(lab, *SHOULD_RUN, since=at):
        said = applied(operator, program)
        assert said.code == 0, said.why
    for host in SHOULD_RUN:
        runs(lab, host, "upgrades/v2", 2)
    assert lab.hosts["val3"].path(f"{FILES}/{sha256_of(virtengined(1))}").exists()
    assert not lab.hosts["val1"].path(f"{FILES}/{sha256_of(virtengined(1))}").exists()
    assert lab.hosts["val1"].sh(f"ls -d {lab.node('val1').home}/data-backup-*").strip()


def test_a_patched_program_below_cosmovisor(lab: Lab, operator: Operator) -> None:
    """No upgrade: the program that the link leads to is replaced, and the former one kept."""
    lab.put_below_cosmovisor()
    lab.wait_height(SETTLED, 60)
    lab.break_panic(at=lab.world.top() + 4)
    lab.wait_stalled(seconds=6)
    seen(operator, "deterministic-panic")
    former = staged(operator, virtengined(1))
    refused(operator, former, "G62")
    program = staged(operator, virtengined(2))
    with rescued(lab, *failing(lab)):
        said = applied(operator, program)
        assert said.code == 0, said.why
    for spec in VALIDATORS:
        runs(lab, spec.name, "genesis", 2)
        kept = lab.hosts[spec.name].path(f"{FILES}/{former}")
        assert kept.read_bytes() == virtengined(1).read_bytes()


@full_lab
def test_power_lost_between_place_and_start(lab: Lab, operator: Operator) -> None:
    """val2 loses power when the program is in its place, and the controller is killed. After the
    boot cosmovisor switches by itself, and the run is resumed: nothing is placed twice."""
    at = waits_for_upgrade(lab)
    lab.slow_start("val2", seconds=20)
    seen(operator, "upgrade-needed")
    run = planned(operator, staged(operator, virtengined(2)))
    node, machine = lab.node("val2"), lab.hosts["val2"]
    place = f"{root_of(node)}/upgrades/v2/bin/{name_of(node)}"
    with rescued(lab, *SHOULD_RUN, since=at):
        with operator.start("apply", run) as process:
            lab.wait_file("val2", place)
            machine.cut_power()
            process.kill()
        machine.want(ON)
        machine.wait_booted()
        lab.wait_height(at + 1, 90, "val2")
        said = operator.says("resume", run)
        assert said.code == 0, said.why
    runs(lab, "val2", "upgrades/v2", 2)
