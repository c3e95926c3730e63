"""A host cannot be reached while all go back together: before the plan, and in its middle."""

from __future__ import annotations

import signal
import time

from remediations.engine.runs.records import GateWaiting, StepEnded
from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import LIMIT_S, LOOKS, PLANNED, Operator
from tests.lab.test_cut_off import acted_once
from tests.lab.test_goes_on import until
from tests.lab.test_rollback import STARTED, split
from tests.lab.truth import rescued

REFUSED, ABORTED, LOCKED = 4, 9, 10
AWAY_S = 20.0


@full_lab
def test_too_many_that_nobody_can_reach(lab: Lab, operator: Operator) -> None:
    """Without 40 of 100 power nobody knows what they signed: refused, with what is missing, and
    nobody is stopped for the sake of the others."""
    split(lab, "val1", "val4")
    lab.mend_cause("val1", "val4")
    lab.break_ssh("val2")
    lab.break_ssh("val4")
    before = lab.world.daemons()
    for _ in range(LOOKS):
        said = operator.plan("INC-001", "--branch", "roll-back-together")
        assert said.code != PLANNED, said.document
        if said.code == REFUSED and said.result:
            break
    assert said.code == REFUSED, said.document
    missing = {g["id"]: g for g in said.result["plan"]["guards"] if g["outcome"] != "pass"}
    assert missing["G49"]["got"].startswith("60 of 100"), missing
    assert "make more of the nodes readable" in missing["G49"]["next_step"]
    assert lab.world.daemons() == before


@full_lab
def test_a_host_is_cut_off_in_the_middle(lab: Lab, operator: Operator) -> None:
    """No login on one of them from the first stage on: whoever is held stays held, and nobody
    starts before all have one state. Once it is back, the run goes on to its end by itself."""
    split(lab, "val1")
    lab.mend_cause("val1")
    run = operator.approved("INC-001")
    with rescued(lab, *STARTED), operator.start("apply", run, "--json") as process:
        until(process, operator, run, StepEnded)
        lab.break_ssh("val3")
        time.sleep(AWAY_S)
        assert process.poll() is None
        assert not any(lab.world.daemons().get(host) for host in STARTED if host != "val3")
        lab.hosts["val3"].sh("systemctl start ssh.service")
        said = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, said


@full_lab
def test_a_host_stays_cut_off(lab: Lab, operator: Operator) -> None:
    """No login on one of them once all are held, and a person gives up waiting. Nobody starts, nor
    does a resume start anybody while it is away; the one after that ends the run."""
    split(lab, "val1")
    lab.mend_cause("val1")
    run = operator.approved("INC-001")
    with rescued(lab, *STARTED):
        with operator.start("apply", run, "--json") as process:
            until(process, operator, run, GateWaiting)
            lab.break_ssh("val3")
            time.sleep(AWAY_S)
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=LIMIT_S)
        assert process.returncode == ABORTED, said
        assert nobody_runs(lab)
        away = operator.says("resume", run)
        assert (away.code, away.error["guard"]) == (LOCKED, "fence"), away.document
        assert "no answer of val3" in away.error["got"]
        assert nobody_runs(lab)
        lab.hosts["val3"].sh("systemctl start ssh.service")
        back = operator.says("resume", run)
        assert back.code == 0, back.why
    acted_once(lab, operator, run)


def nobody_runs(lab: Lab) -> bool:
    """Whether no daemon runs on any host."""
    return not any(lab.world.daemons().values())
