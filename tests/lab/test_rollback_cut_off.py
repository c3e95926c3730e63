"""A host cannot be reached while all go back together: before the plan, and in its middle."""

from __future__ import annotations

import time

from remediations.engine.runs.records import StepEnded
from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import LIMIT_S, Operator
from tests.lab.test_goes_on import until
from tests.lab.test_rollback import STARTED, planned, split
from tests.lab.truth import rescued

NOT_READ = 11
REFUSED = 4
AWAY_S = 20.0


@full_lab
def test_too_many_that_nobody_can_reach(lab: Lab, operator: Operator) -> None:
    """Without 40 of 100 power nobody knows what they signed: nobody is stopped for the sake of the
    others."""
    split(lab, "val1", "val4")
    lab.mend_cause("val1", "val4")
    lab.break_ssh("val2")
    lab.break_ssh("val4")
    before = lab.world.daemons()
    said = operator.plan("INC-001", "--branch", "roll-back-together")
    assert said.code in (REFUSED, NOT_READ), said.document
    assert "val2" in str(said.document), said.document
    assert lab.world.daemons() == before


@full_lab
def test_a_host_is_cut_off_in_the_middle(lab: Lab, operator: Operator) -> None:
    """No login on one of them from the first stage on: whoever is held stays held, and nobody
    starts before all have one state. Once it is back, the run goes on to its end by itself."""
    split(lab, "val1")
    lab.mend_cause("val1")
    run = planned(operator)
    with rescued(lab, *STARTED), operator.start("apply", run, "--json") as process:
        until(process, operator, run, StepEnded)
        lab.break_ssh("val3")
        time.sleep(AWAY_S)
        assert process.poll() is None
        assert not any(lab.world.daemons().get(host) for host in STARTED if host != "val3")
        lab.hosts["val3"].sh("systemctl start ssh.service")
        said = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, said
