"""Everybody is down at once: what lies in files is enough to bring the chain back, nothing by
hand."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import Json, Operator, Said
from tests.lab.spec import NODES
from tests.lab.test_diagnose import node
from tests.lab.truth import rescued

PLANNED = 3
DEADLOCK = "found signature from the same key"
STARTED = tuple(s.name for s in NODES if s.node is not None and s.node.started)


def config(lab: Lab, host: str, name: str) -> Path:
    return lab.hosts[host].path(f"{lab.node(host).home}/config/{name}")


def rescue(operator: Operator, tries: int = 5) -> Said:
    """Plan, approve, apply. Five nodes that start or end at once keep a small machine so busy that
    a reading may come too late; its guard is unknown then, and one plans again."""
    planned = operator.plan("INC-001")
    for _ in range(tries - 1):
        if planned.code == PLANNED:
            break
        planned = operator.plan("INC-001")
    assert planned.code == PLANNED, planned.document
    run = planned.result["run"]
    approved = operator.approve(run)
    assert approved.code == 0, approved.document
    return operator.says("apply", run)


def diagnosed(operator: Operator, chain: str) -> Json:
    """The finding once it has this class: on a busy machine a node may answer too late to be
    judged, and then the finding says to look again."""
    finding = operator.diagnose()
    for _ in range(4):
        if finding["chain"] != "undetermined":
            break
        finding = operator.diagnose()
    assert finding["chain"] == chain, finding["explanation"]
    return finding


def cut(lab: Lab) -> int:
    """All processes end without a word, as when the power goes, and nobody starts them again; the
    height of before."""
    lab.wait_height(6, 30)
    height = lab.world.top()
    for host in STARTED:
        lab.break_kill(host)
    lab.break_stop(*STARTED)
    assert set(lab.world.heights().values()) == {None}
    return height


def test_a_power_cut(lab: Lab, operator: Operator) -> None:
    """The full node first, then all validators: the powers are told by the genesis files, the
    height by the sign states."""
    height = cut(lab)
    finding = operator.diagnose()
    assert (finding["chain"], finding["total_power"]) == ("all-down", "100")
    assert finding["next_step"] == "remediate plan INC-001"
    with rescued(lab, *STARTED, since=height):
        said = rescue(operator)
        assert said.code == 0, said.why
    stages = operator.says("show", said.result["run"]).result["plan"]["stages"]
    assert [[step["target"] for step in stage["steps"]] for stage in stages] == [
        ["full1"],
        ["val4", "val3", "val2", "val1"],
    ]


@full_lab
def test_where_nobody_tells_the_powers_the_full_node_is_asked_first(
    lab: Lab, operator: Operator
) -> None:
    """No two hosts have the same genesis file: whose powers count is not known. The full node alone
    is started, and tells the set of today; with that the validators are."""
    height = cut(lab)
    for number, host in enumerate(STARTED, 1):
        file = config(lab, host, "genesis.json")
        was = file.read_text()
        file.write_text(f"{was.rstrip()}{' ' * number}\n")
        lab.mend_node(partial(file.write_text, was))
    with rescued(lab, *STARTED, since=height):
        first = rescue(operator)
        assert first.code == 0, first.why
        plan = operator.says("show", first.result["run"]).result["plan"]
        assert plan["branch"] == "start-full-nodes"
        assert lab.world.daemons()["val1"] is None
        assert lab.world.daemons()["full1"] is not None
        second = rescue(operator)
        assert second.code == 0, second.why


@full_lab
def test_double_sign_check_height_everywhere(lab: Lab, operator: Operator) -> None:
    """As the validator guide has it: all end each time they are started, until somebody stops that.
    It is 0 for the start, and twenty blocks later every file is as it was, byte for byte, with its
    owner and mode."""
    height = cut(lab)
    lab.break_double_sign_check(*lab.validators())
    before = {host: config(lab, host, "config.toml").read_bytes() for host in lab.validators()}
    stats = {host: config(lab, host, "config.toml").stat() for host in lab.validators()}
    for host in lab.validators():
        lab.hosts[host].sh(
            f"systemctl start {lab.unit(host)} || true\n"
            "for n in $(seq 300); do\n"
            f"  journalctl -q -o cat -u {lab.unit(host)} | grep -q '{DEADLOCK}' && break\n"
            "  sleep 0.1\n"
            "done"
        )
        lab.systemctl(host, "stop", lab.unit(host), check=False)
    finding = diagnosed(operator, "all-down")
    found = {node(finding, host)["condition"] for host in lab.validators()}
    assert "double-sign-check" in found
    assert found <= {"double-sign-check", "stopped"}  # stopped before it could end once more
    with rescued(lab, *STARTED, since=height):
        said = rescue(operator)
        assert said.code == 0, said.why
    assert lab.world.top() > height + 20
    for host, text in before.items():
        path = config(lab, host, "config.toml")
        now, was = path.stat(), stats[host]
        assert path.read_bytes() == text
        assert (now.st_uid, now.st_gid, now.st_mode) == (was.st_uid, was.st_gid, was.st_mode)
        assert not list(path.parent.glob("*remediate*"))


@full_lab
def test_halt_height_everywhere(lab: Lab, operator: Operator) -> None:
    """It is set to 0, and all are restarted together. The first plan is one: programs are hashed
    beside five daemons that keep both processors busy."""
    at = lab.world.top() + 12
    lab.break_halt_height(*STARTED, at=at)
    for host in STARTED:
        lab.systemctl(host, "restart", lab.unit(host))
    lab.wait_stalled(seconds=6)
    finding = diagnosed(operator, "halt-height")
    assert finding["next_step"] == "remediate plan INC-001"
    with rescued(lab, *STARTED, since=at):
        said = rescue(operator, tries=1)
        assert said.code == 0, said.why
    for host in STARTED:
        assert "halt-height = 0\n" in config(lab, host, "app.toml").read_text()


@full_lab
def test_double_sign_check_height_in_a_lost_quorum(lab: Lab, operator: Operator) -> None:
    """40 of 100 were stopped right after they signed: lifted for the start, and put back."""
    missing = ("val2", "val4")
    lab.break_double_sign_check(*missing)
    lab.break_stop(*missing)
    lab.wait_stalled(seconds=6)
    before = {host: config(lab, host, "config.toml").read_bytes() for host in missing}
    with rescued(lab, *missing):
        said = rescue(operator)
        assert said.code == 0, said.why
    assert {host: config(lab, host, "config.toml").read_bytes() for host in missing} == before


@full_lab
@pytest.mark.parametrize("index", range(14))
def test_all_end_in_the_middle_of_a_commit(lab: Lab, operator: Operator, index: int) -> None:
    """At each of CometBFT's fail points, from its own votes to the state it keeps: a block may be
    precommitted by all and stored by nobody. They are started as they are, and go on from there;
    nothing is taken back, and nobody signs twice."""
    lab.wait_height(6, 30)
    height = lab.world.top()
    lab.break_at_fail_point(*lab.validators(), index=index)
    lab.stop("full1")
    with rescued(lab, *STARTED, since=height):
        said = rescue(operator)
        assert said.code == 0, said.why
    assert operator.says("show", said.result["run"]).result["plan"]["branch"] == "start-everybody"
