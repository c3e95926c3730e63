"""A halt that only another program ends: brought to the hosts, planned by its hash, rescued; also
below the real cosmovisor."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

from tests.lab.binary import virtengined
from tests.lab.choice import full_lab
from tests.lab.cosmovisor import name_of, put_program, root_of, sha256_of
from tests.lab.lab import Lab
from tests.lab.machine import ON
from tests.lab.operator import LOOKS, Operator, Said
from tests.lab.shell import LabError
from tests.lab.spec import VALIDATORS
from tests.lab.truth import rescued

REFUSED = 4
FILES = "/var/lib/remediate/files"
ELSEWHERE = b"\xb7\x00"
"""The machine of a program for ARM (elf(5), e_machine)."""
SETTLED = 6
"""A transaction in the first blocks is signed for another account number."""
UPGRADE_AHEAD = 12
"""So many blocks until the upgrade: the nodes are to be there before."""
LOOPING_S = 15
"""Three attempts and more."""
SHOULD_RUN = ("val1", "val2", "val3", "val4", "full1")


def staged(operator: Operator, program: Path, *options: str) -> str:
    """The hash of a program that every host has now."""
    said = operator.says("stage", str(program), *options)
    assert said.code == 0, said.document
    return str(said.result["digest"])


def failing(lab: Lab) -> tuple[str, ...]:
    """All that started: they fail at the same block."""
    return tuple(host for host, daemon in lab.world.daemons().items() if daemon is not None)


def seen(operator: Operator, chain: str) -> None:
    """The halt is called by its name, with what is to be done."""
    for _ in range(LOOKS):
        finding = operator.diagnose()
        if finding["chain"] == chain:
            assert "remediate stage FILE" in finding["next_step"]
            return
    raise LabError(f"{finding['chain']}: {finding['explanation']}")


def refused(operator: Operator, program: str, *guards: str) -> None:
    """No plan with this program, because of these guards alone; nothing is changed."""
    for _ in range(LOOKS):
        said = operator.plan("INC-001", "--program", program)
        assert said.code == REFUSED, said.document
        blocked = {one["id"]: one for one in _blocked(said)}
        if {*blocked} == {*guards}:
            assert all(one["next_step"] for one in blocked.values())
            return
    raise LabError(str([(one["id"], one["subject"], one["got"]) for one in blocked.values()]))


def _blocked(said: Said) -> list[dict[str, str]]:
    guards = (said.result or {"plan": {"guards": []}})["plan"]["guards"]
    return [one for one in guards if one["outcome"] != "pass"]


def planned(operator: Operator, program: str, playbook: str = "INC-001") -> str:
    """An approved run that installs a program."""
    return operator.approved(playbook, "--program", program)


def applied(operator: Operator, program: str, playbook: str = "INC-001") -> Said:
    """What came of one."""
    return operator.rescue(playbook, "--program", program)


@full_lab
def test_a_panic_everywhere_is_rescued(lab: Lab, operator: Operator) -> None:
    """Refused without a program, with one that is not on the hosts, and with the one that failed;
    then one that gets past the block is installed on all, and the former one is kept."""
    lab.break_panic(at=lab.world.top() + 4)
    lab.wait_stalled(seconds=6)
    seen(operator, "deterministic-panic")
    assert operator.plan("INC-001").code == REFUSED
    refused(operator, "0" * 64, "G61")
    former = staged(operator, virtengined(1))
    refused(operator, former, "G62")
    program = staged(operator, virtengined(2))
    with rescued(lab, *failing(lab)):
        said = applied(operator, program)
        assert said.code == 0, said.why
    for spec in VALIDATORS:
        kept = lab.hosts[spec.name].path(f"{FILES}/{former}")
        assert kept.read_bytes() == virtengined(1).read_bytes()


def test_an_upgrade_is_installed(lab: Lab, operator: Operator) -> None:
    """The chain asks for it by name, and goes on with its program; upgrade-info.json stays."""
    lab.break_upgrade(at=lab.world.top() + 8)
    lab.wait_stalled(seconds=6)
    seen(operator, "upgrade-needed")
    info = f"{lab.node('val1').home}/data/upgrade-info.json"
    before = lab.world.file("val1", info)
    program = staged(operator, virtengined(2))
    with rescued(lab, *failing(lab)):
        said = applied(operator, program)
        assert said.code == 0, said.why
    assert "upgrade v2" in operator.says("show", "last").result["plan"]["title"]
    assert lab.world.file("val1", info) == before


@full_lab
def test_only_the_program_that_the_upgrade_announces(
    lab: Lab, operator: Operator, tmp_path: Path
) -> None:
    """The chain voted for a SHA-256: another build with the same handler is refused."""
    announced, other = virtengined(2), tmp_path / "another-build"
    other.write_bytes(announced.read_bytes() + b"\0")
    url = f"https://example.com/virtengined?checksum=sha256:{sha256_of(announced)}"
    info = json.dumps({"binaries": {"any": url}})
    lab.break_upgrade(at=lab.world.top() + 8, info=info)
    lab.wait_stalled(seconds=6)
    seen(operator, "upgrade-needed")
    refused(operator, staged(operator, other), "G111")
    with rescued(lab, *failing(lab)):
        said = applied(operator, staged(operator, announced))
        assert said.code == 0, said.why


@full_lab
def test_the_program_is_rehearsed_first(lab: Lab, operator: Operator, tmp_path: Path) -> None:
    """One without the upgrade's handler is refused with its last words; one that has it tells the
    state that the chain then has. Meanwhile nothing that is in use changes."""
    lab.break_upgrade(at=lab.world.top() + 8)
    lab.wait_stalled(seconds=6)
    seen(operator, "upgrade-needed")
    processes, at = lab.world.daemons(), lab.world.top()
    without = tmp_path / "without-handler"
    without.write_bytes(virtengined(1).read_bytes() + b"\0")
    refused_by = rehearsed(operator, staged(operator, without))
    assert refused_by.code == REFUSED, refused_by.document
    assert "NEEDED" in refused_by.error["got"]
    said = rehearsed(operator, staged(operator, virtengined(2)))
    assert said.code == 3, said.document
    assert lab.world.daemons() == processes
    (state,) = [i["value"] for i in said.result["plan"]["inputs"] if i["name"] == "expect-hash"]
    assert operator.approve(said.result["run"]).code == 0
    with rescued(lab, *failing(lab)):
        done = operator.says("apply", said.result["run"])
        assert done.code == 0, done.why
    assert {check["id"] for check in done.result["checks"]} >= {"P18"}
    told = base64.b64decode(str(lab.world.app_hash("val1", at))).hex().upper()
    assert told == state


def rehearsed(operator: Operator, program: str) -> Said:
    """What came of a rehearsal that took place."""
    for _ in range(LOOKS):
        said = operator.plan("INC-001", "--program", program, "--rehearse")
        if said.code == 3 or (said.document["error"] or {}).get("guard") == "rehearsal":
            break
    return said


@full_lab
def test_a_program_for_another_platform_is_refused_on_the_host(
    lab: Lab, operator: Operator, tmp_path: Path
) -> None:
    """Everywhere, before anything is stopped: no process, program or file of a home is another."""
    lab.break_panic(at=lab.world.top() + 4)
    lab.wait_stalled(seconds=6)
    seen(operator, "deterministic-panic")
    processes = lab.world.daemons()
    foreign = tmp_path / "foreign"
    content = virtengined(2).read_bytes()
    foreign.write_bytes(content[:18] + ELSEWHERE + content[20:])
    said = applied(operator, staged(operator, foreign))
    assert said.code == 7, said.document
    journal = max(operator.state.glob("runs/*/journal.jsonl"), key=lambda one: one.stat().st_mtime)
    assert journal.read_text().count("for the platform") >= len(VALIDATORS)
    assert lab.world.daemons() == processes
    for spec in VALIDATORS:
        assert program_of(lab, spec.name) == virtengined(1).read_bytes()


@full_lab
def test_a_file_that_was_damaged_since_is_refused_on_its_host(lab: Lab, operator: Operator) -> None:
    """There the node is as it was; the others go on without it, and it gets the program afterwards,
    alone."""
    lab.break_panic(at=lab.world.top() + 4)
    lab.wait_stalled(seconds=6)
    seen(operator, "deterministic-panic")
    processes = lab.world.daemons()
    program = staged(operator, virtengined(2))
    run = planned(operator, program)
    content = virtengined(2).read_bytes()
    lab.hosts["val4"].path(f"{FILES}/{program}").write_bytes(content[:-1] + b"?")
    said = operator.says("apply", run)
    assert said.code == 7, said.document
    assert "on val4" in said.error["got"].partition("failed:")[2]
    assert lab.world.daemon("val4") == processes["val4"]
    assert program_of(lab, "val4") == virtengined(1).read_bytes()
    assert all(program_of(lab, host) == content for host in ("val1", "val2", "val3"))
    lab.wait_height(lab.world.top() + 3, 60, "val1", "val2", "val3")
    assert staged(operator, virtengined(2), "--limit", "val4") == program
    with rescued(lab, "val4"):
        said = applied(operator, program, "node-down")
        assert said.code == 0, said.why


def program_of(lab: Lab, host: str) -> bytes:
    """The program on a host's disk."""
    return lab.hosts[host].path(lab.node(host).binary).read_bytes()


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


@full_lab
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


@full_lab
def test_a_panic_loop_below_cosmovisor(lab: Lab, operator: Operator) -> None:
    """Somebody restarted everything: each daemon ends as soon as it executes the block, and its
    wrapper tells an exit status only. It is the application, and another program goes on."""
    lab.put_below_cosmovisor()
    lab.wait_height(SETTLED, 60)
    at = panics_in_loops(lab)
    seen(operator, "deterministic-panic")
    conditions = operator.conditions()
    assert {conditions[spec.name] for spec in VALIDATORS} == {"panicked"}
    program = staged(operator, virtengined(2))
    with rescued(lab, *SHOULD_RUN, since=at):
        said = applied(operator, program)
        assert said.code == 0, said.why


def panics_in_loops(lab: Lab) -> int:
    """Every node fails at the block that is returned, and was restarted since: nobody answers, and
    each daemon ends as soon as it executes the block."""
    at = lab.world.top() + 4
    lab.break_panic(*SHOULD_RUN, at=at)
    lab.wait_stalled(seconds=6)
    lab.restart(*SHOULD_RUN)
    time.sleep(LOOPING_S)
    return at


@full_lab
def test_a_panic_loop_beside_one_full_node(lab: Lab, operator: Operator) -> None:
    """Every validator ends again and again at a stored block, and one full node goes on to answer:
    its word and the sign states of the others are two witnesses. What is planned at one moment of
    the loops holds at another, when `apply` reads again."""
    lab.break_panic(at=lab.world.top() + 4)
    height = lab.wait_stalled(6)
    for host in lab.validators():
        lab.systemctl(host, "restart", lab.unit(host), check=False)
    time.sleep(LOOPING_S)
    assert lab.world.heights()["full1"] == height
    program = staged(operator, virtengined(2))
    with rescued(lab, *lab.validators(), since=height):
        run = planned(operator, program)
        said = operator.says("apply", run)
        assert said.code == 0, said.why
    plan = operator.says("show", run).result["plan"]
    assert plan["branch"] == "install-past-panic"
    (witnesses,) = [one for one in plan["guards"] if one["id"] == "W2"]
    assert "full1" in witnesses["got"]
    assert "val" in witnesses["got"]
