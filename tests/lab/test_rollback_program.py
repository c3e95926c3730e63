"""App hashes that differ because of the program: another one executes the block again, on all."""

from __future__ import annotations

import hashlib
import json

from tests.lab.binary import virtengined
from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import LOOKS, Operator, Said
from tests.lab.test_install import staged
from tests.lab.test_rollback import PARTLY, REFUSED, STARTED, split
from tests.lab.test_undo import nobody_is_held, program_on, undone
from tests.lab.truth import rescued


def programs(lab: Lab) -> dict[str, str]:
    """The hash of the daemon's program on each host, also below cosmovisor."""
    return {host: hashlib.sha256(program_on(lab, host)).hexdigest() for host in STARTED}


def rehearsed(operator: Operator, *options: str) -> Said:
    """What came of a rehearsal that took place."""
    for _ in range(LOOKS):
        said = operator.says("plan", "INC-001", "--rehearse", *options)
        if said.code == 3 or (said.document["error"] or {}).get("guard") == "rehearsal":
            break
    return said


def digest(release: int) -> str:
    """The hash of a release."""
    return hashlib.sha256(virtengined(release).read_bytes()).hexdigest()


@full_lab
def test_another_program_executes_the_block_on_all(lab: Lab, operator: Operator) -> None:
    """50 | 40 | 10, and the cause is the program: with the present one a rehearsal says that the
    states differ again. The one that the developers sent comes to one state on clones, is put in
    place while all are held, also below cosmovisor, and the chain has that state."""
    lab.put_below_cosmovisor("val2")
    lab.wait_height(lab.world.top() + 2, 60, *STARTED)
    at = split(lab, "val1", "val4")
    assert rehearsed(operator).code == REFUSED
    program = staged(operator, virtengined(2))
    plan = rehearsed(operator, "--program", program)
    assert plan.code == 3, plan.document
    assert programs(lab) == dict.fromkeys(STARTED, digest(1))
    titles = [stage["title"] for stage in plan.result["plan"]["stages"]]
    assert f"put {program[:16]} in the place" in titles[1]
    assert operator.approve(plan.result["run"]).code == 0
    with rescued(lab, *STARTED):
        said = operator.says("apply", plan.result["run"])
        assert said.code == 0, said.why
    assert programs(lab) == dict.fromkeys(STARTED, program)
    assert len({lab.world.app_hash(host, at) for host in STARTED}) == 1
    assert nobody_is_held(lab)
    for host in STARTED:
        assert lab.hosts[host].path(f"/var/lib/remediate/files/{digest(1)}").exists()


@full_lab
def test_the_former_program_comes_back_where_the_rollback_fails(
    lab: Lab, operator: Operator
) -> None:
    """val3 cannot be rolled back: the run stops with all held. Undone, all have the program of
    before, run, and stand where they stood."""
    at = split(lab, "val1", "val4")
    states = {host: lab.world.app_hash(host, at) for host in STARTED}
    program = staged(operator, virtengined(2))
    lab.break_rollback("val3")
    for _ in range(LOOKS):
        plan = operator.says("plan", "INC-001", "--program", program)
        if plan.code == 3:
            break
    assert plan.code == 3, plan.document
    run = str(plan.result["run"])
    assert operator.approve(run).code == 0
    stopped = operator.says("apply", run)
    assert stopped.code == PARTLY, stopped.document
    assert programs(lab) == dict.fromkeys(STARTED, program)
    lab.mend_rollback("val3")
    back = undone(operator, run)
    assert back.code == 0, back.document
    assert programs(lab) == dict.fromkeys(STARTED, digest(1))
    assert nobody_is_held(lab)
    for host in STARTED:
        lab.wait_height(at, 30, host)
    assert {host: lab.world.app_hash(host, at) for host in STARTED} == states


@full_lab
def test_one_that_failed_alone_gets_the_program_of_the_others(lab: Lab, operator: Operator) -> None:
    """val4 missed a release, and computes another state than the others, who go on. A program that
    they do not run is refused; theirs is put in place, and val4 follows."""
    others = tuple(host for host in STARTED if host != "val4")
    lab.install_release(2, *others)
    lab.wait_height(lab.world.top() + 2, 60, *STARTED)
    at = lab.world.top() + 5
    lab.break_app_hash("val4", at=at)
    lab.wait_height(at + 3, 60, "val1")
    program = staged(operator, virtengined(2))
    for _ in range(LOOKS):
        refused = operator.says("plan", "INC-001", "--program", "f" * 64)
        if refused.code == REFUSED and "G65" in json.dumps(refused.document):
            break
    assert "G65" in json.dumps(refused.document), refused.document
    for _ in range(LOOKS):
        plan = operator.says("plan", "INC-001", "--program", program)
        if plan.code == 3:
            break
    assert plan.code == 3, plan.document
    assert operator.approve(plan.result["run"]).code == 0
    with rescued(lab, "val4"):
        said = operator.says("apply", plan.result["run"])
        assert said.code == 0, said.why
    assert programs(lab) == dict.fromkeys(STARTED, program)
    lab.wait_height(lab.world.top() + 2, 60, *STARTED)
    assert lab.world.app_hash("val4", at) == lab.world.app_hash("val1", at)
