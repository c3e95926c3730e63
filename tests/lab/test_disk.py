"""Disks that are full: what fills them is named; what may go goes, and nothing else."""

from __future__ import annotations

from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import LOOKS, Json, Operator
from tests.lab.truth import rescued

ASIDE = "remediate-replaced-0123456789ab"
CORE = "core.4242"
REFUSED = 4
NOT_OURS = "nothing there is of a kind that may be removed"


def below(lab: Lab, host: str) -> set[str]:
    """What lies in its data directory."""
    return set(lab.hosts[host].sh(f"ls -A {lab.node(host).home}/data").split())


def died(lab: Lab, host: str) -> None:
    """Wait until the others are ahead of a node whose disk is full."""
    others = [name for name in ("val1", "val2", "val3", "val4") if name != host]
    lab.wait_height(lab.world.top() + 3, 30, *others)


def looked_at(operator: Operator, host: str, name: str) -> tuple[Json, Json]:
    """What is found, and of this host, once a busy machine gave time to see what fills the disk."""
    for _ in range(LOOKS):
        found = operator.diagnose()
        (node,) = [node for node in found["nodes"] if node["host"] == host]
        if name in node["cause"]:
            break
    return found, node


def test_room_is_made_and_the_node_comes_back(lab: Lab, operator: Operator) -> None:
    """A core dump filled the disk and consensus died of it: the dump goes, the databases and the
    log stay, and the validator signs again with the sign state that it had."""
    lab.break_disk_full("val3", CORE, core=True)
    died(lab, "val3")
    found, node = looked_at(operator, "val3", CORE)
    assert (node["condition"], node["frees"]) == ("disk-full", "enough")
    assert f"{CORE} (core dump)" in node["cause"]
    assert found["next_step"] == "remediate plan node-down"
    before = below(lab, "val3")
    with rescued(lab, "val3", goes_on=True):
        said = operator.rescue("node-down")
        assert said.code == 0, said.why
    assert before - below(lab, "val3") == {CORE}
    checks = {check["id"] for check in said.result["checks"]}
    assert "P25" in checks


@full_lab
def test_in_a_halt_databases_set_aside_make_room(lab: Lab, operator: Operator) -> None:
    """val1 has 40 of 100. What its rebuild set aside fills the disk; state sync snapshots, of which
    others may live, stay."""
    lab.break_disk_full("val1", f"{ASIDE}/.all", halts=True)
    lab.wait_stalled()
    before = below(lab, "val1")
    with rescued(lab, "val1"):
        said = operator.rescue("INC-001")
        assert said.code == 0, said.why
    assert before - below(lab, "val1") == {ASIDE}
    assert "snapshots" in below(lab, "val1")


@full_lab
def test_what_is_not_ours_is_named_and_left(lab: Lab, operator: Operator) -> None:
    """Somebody's file fills the disk: refused, with its path and size; the host is as it was."""
    lab.break_disk_full("val3")
    died(lab, "val3")
    before = lab.world.daemons()
    for _ in range(LOOKS):
        said = operator.plan("node-down")
        assert said.code == REFUSED, said.document
        if NOT_OURS in said.error["got"]:
            break
    assert NOT_OURS in said.error["got"]
    _, node = looked_at(operator, "val3", "filler")
    assert "filler" in node["cause"]
    assert "frees" not in node
    assert "filler" in below(lab, "val3")
    assert lab.world.daemons() == before


@full_lab
def test_a_limit_of_open_files_is_raised(lab: Lab, operator: Operator) -> None:
    """val4 may open 24 files, and ends at every start; afterwards its process may open 65535, or as
    many as the machine gives to the service manager of the host."""
    lab.break_open_files("val4")
    lab.wait_height(lab.world.top() + 3, 60, "val1", "val2", "val3")
    with rescued(lab, "val4", goes_on=True):
        said = operator.rescue("node-down")
        assert said.code == 0, said.why
    daemon = lab.world.daemon("val4")
    assert daemon is not None
    limits = lab.hosts["val4"].path(f"/proc/{daemon.pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max open files")]
    assert int(line.split()[3]) > 1024
    assert "P26" in {check["id"] for check in said.result["checks"]}
