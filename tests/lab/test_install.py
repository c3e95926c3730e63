"""A halt that only another program ends: brought to the hosts, planned by its hash, rescued."""

from __future__ import annotations

from pathlib import Path

from tests.lab.binary import virtengined
from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import Operator, Said
from tests.lab.shell import LabError
from tests.lab.spec import VALIDATORS
from tests.lab.truth import rescued

REFUSED = 4
FILES = "/var/lib/remediate/files"
LOOKS = 6
"""A reading of a busy machine may lack something: then it is unknown, and one looks again."""
ELSEWHERE = b"\xb7\x00"
"""The machine of a program for ARM (elf(5), e_machine)."""


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
    for _ in range(LOOKS):
        said = operator.plan(playbook, "--program", program)
        if said.code == 3:
            run = str(said.result["run"])
            assert operator.approve(run).code == 0
            return run
    raise LabError(str(said.document))


def applied(operator: Operator, program: str, playbook: str = "INC-001") -> Said:
    """The end of a run that was not refused because the machine was too busy to be read."""
    for _ in range(LOOKS):
        said = operator.says("apply", planned(operator, program, playbook))
        if said.code != 6:
            break
    return said


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


@full_lab
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
