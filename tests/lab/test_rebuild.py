"""Databases that are lost or wrong: copied from a node that is well, and put in their place."""

from __future__ import annotations

import re

from remediations.engine.runs.records import GateWaiting
from tests.lab.choice import full_lab
from tests.lab.data_copies import brought
from tests.lab.holds import hold_of
from tests.lab.lab import Lab
from tests.lab.operator import LOOKS, Operator
from tests.lab.spec import VALIDATORS
from tests.lab.test_resume import killed
from tests.lab.test_rollback import STARTED, STORE, rehearsed, split
from tests.lab.truth import rescued

FILES = "/var/lib/remediate/files"
REFUSED, PARTLY = 4, 7
ROUNDS = 2


def inside(lab: Lab, host: str, copy: str) -> set[str]:
    """What a copy has at its top."""
    listed = lab.hosts[host].sh(f"tar -tf {FILES}/{copy}")
    return {name.partition("/")[0] for name in listed.split()}


def test_a_corrupt_database_is_rebuilt(lab: Lab, operator: Operator) -> None:
    """While blocks go on: the full node is copied, the validator gets the copy, and signs again
    with the sign state that it had."""
    lab.break_database("val4")
    for _ in range(LOOKS):
        if operator.conditions()["val4"] == "database-corrupt":
            break
    assert operator.plan("node-down").code == REFUSED
    with rescued(lab, "val4", "full1", goes_on=True):
        copy = brought(operator, "node-down", "full1", "val4")
        assert inside(lab, "full1", copy) >= {"about", "application.db", "blockstore.db"}
        assert not {"priv_validator_state.json", "cs.wal"} & inside(lab, "full1", copy)
        said = operator.rescue("node-down", "--data", copy)
        assert said.code == 0, said.why
    observed = operator.state / "runs" / said.result["run"] / "observation.json"
    assert len(re.findall(r'"took_s":"?[0-9]+', observed.read_text())) == 1  # its donor alone tells
    data = f"{lab.node('val4').home}/data"
    kept = lab.hosts["val4"].sh(f"ls {data}/remediate-replaced-{copy[:12]}")
    assert {"application.db", "blockstore.db", "state.db"} <= set(kept.split())
    assert not lab.hosts["val4"].path(hold_of(lab, "val4")).exists()


@full_lab
def test_a_missing_validator_is_rebuilt_in_a_halt(lab: Lab, operator: Operator) -> None:
    """Its 40 of 100 are needed for the next block."""
    lab.break_database("val1")
    lab.wait_stalled()
    with rescued(lab, "val1", "full1"):
        copy = brought(operator, "INC-001", "full1", "val1")
        said = operator.rescue("INC-001", "--data", copy)
        assert said.code == 0, said.why


@full_lab
def test_one_side_is_adopted(lab: Lab, operator: Operator) -> None:
    """People judge val1 wrong: it gets the state of the others, which nobody executes again."""
    at = split(lab, "val1")
    agreed = lab.world.app_hash("val2", at)
    with rescued(lab, "val1", "val2"):
        copy = brought(operator, "INC-001", "val2", "val1")
        said = operator.rescue("INC-001", "--data", copy)
        assert said.code == 0, said.why
    assert lab.world.app_hash("val2", at) == agreed
    shown = operator.says("show", "last").result["plan"]
    assert "adopt the state" in shown["title"]


@full_lab
def test_where_execution_is_chance_one_side_is_adopted(lab: Lab, operator: Operator) -> None:
    """Each validator drew a state of its own, 40 | 30 | 20 | 10, and draws again whenever it
    executes that block: found on clones, with the store. No rollback cures it; people choose the
    state of val1, which nobody executes again."""
    at = lab.world.top() + 5
    lab.break_determinism(at=at)
    lab.wait_stalled()
    names = [spec.name for spec in VALIDATORS]
    assert len({lab.world.app_hash(host, at) for host in names}) == len(names)
    chosen, daemons = lab.world.app_hash("val1", at), lab.world.daemons()
    refused = rehearsed(operator)
    assert (refused.code, refused.error["guard"]) == (REFUSED, "rehearsal"), refused.document
    assert f"stores after executing again: {STORE}: " in refused.error["got"]
    assert "--donor" in refused.error["next"]
    assert lab.world.daemons() == daemons
    others = [host for host in STARTED if host != "val1"]
    with rescued(lab, *STARTED):
        copy = brought(operator, "INC-001", "val1", *others)
        said = operator.rescue("INC-001", "--data", copy)
        assert said.code == 0, said.why
    assert {lab.world.app_hash(host, at) for host in others} == {chosen}


@full_lab
def test_what_is_drawn_anew_each_time_is_not_drawn_a_third_time(
    lab: Lab, operator: Operator
) -> None:
    """Nobody rehearsed: two rounds of rollback, and the states differ as before. The hosts know of
    both; whoever plans a third one is shown the way by a donor."""
    at = lab.world.top() + 5
    lab.break_determinism(at=at)
    lab.wait_stalled()
    names = [spec.name for spec in VALIDATORS]
    for _ in range(ROUNDS):
        said = operator.rescue("INC-001")
        assert said.code == PARTLY, said.document
        assert len({lab.world.app_hash(host, at) for host in names}) == len(names)
    assert lab.world.top() == at
    daemons = lab.world.daemons()
    refused = operator.plan("INC-001")
    assert refused.code == REFUSED, refused.document
    (guard,) = (g for g in refused.result["plan"]["guards"] if g["outcome"] != "pass")
    assert guard["id"] == "G112"
    assert "--donor" in guard["next_step"]
    assert lab.world.daemons() == daemons


@full_lab
def test_the_wrong_side_cannot_be_adopted_by_too_few(lab: Lab, operator: Operator) -> None:
    """40 and 10 of 100 are no side to go on with: refused, and nothing is touched."""
    split(lab, "val1")
    copy = brought(operator, "INC-001", "val1", "val4")
    before = lab.world.daemons()
    said = operator.plan("INC-001", "--data", copy, "--limit", "val4")
    assert said.code == REFUSED, said.document
    blocked = {g["id"] for g in said.result["plan"]["guards"] if g["outcome"] != "pass"}
    assert "G90" in blocked
    assert lab.world.daemons() == before


@full_lab
def test_killed_while_held_it_goes_on(lab: Lab, operator: Operator) -> None:
    """The controller dies after the node was stopped; resumed, it gets the copy."""
    lab.break_database("val4")
    with rescued(lab, "val4", "full1", goes_on=True):
        copy = brought(operator, "node-down", "full1", "val4")
        run = operator.approved("node-down", "--data", copy)
        killed(operator, run, GateWaiting)
        said = operator.says("resume", run)
        assert said.code == 0, said.why


@full_lab
def test_cut_off_in_its_middle_it_is_finished_by_another_plan(lab: Lab, operator: Operator) -> None:
    """Some databases were moved, and no more: nobody can start the node so. The same copy, planned
    again, puts all of them in place."""
    lab.break_database("val4")
    host, states = lab.hosts["val4"], f"{lab.node('val4').home}/data/state.db"
    with rescued(lab, "val4", "full1", goes_on=True):
        copy = brought(operator, "node-down", "full1", "val4")
        host.sh(f"mount --bind {states} {states}")  # a directory that cannot be moved
        said = operator.rescue("node-down", "--data", copy)
        assert said.code == PARTLY, said.document
        assert "cannot be moved" in said.error["what"] + said.error["got"]
        host.sh(f"umount {states}")
        let_go = operator.rescue("node-down", "--limit", "val4")
        assert let_go.code == PARTLY, let_go.document
        assert "half of the databases" in let_go.error["what"] + let_go.error["got"]
        assert lab.world.daemon("val4") is None
        said = operator.rescue("node-down", "--data", copy, "--limit", "val4")
        assert said.code == 0, said.why
