"""Two bastions, one chain: the hosts decide which plan may go on, whoever wakes up later."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TypeVar

from remediations.engine.plan.plan import plan_digest
from remediations.engine.runs.records import FenceGiven, FenceTaken, GateWaiting, StepEnded
from tests.lab.lab import Lab
from tests.lab.operator import LIMIT_S, Operator
from tests.lab.test_goes_on import directory, entries, starts, until
from tests.lab.test_trust import PARTLY_APPLIED
from tests.lab.truth import rescued

LOCKED = 10
Kind = TypeVar("Kind", FenceGiven, FenceTaken, StepEnded)


def events(operator: Operator, run: str, kind: type[Kind]) -> list[Kind]:
    return [e.event for e in entries(operator, run) if isinstance(e.event, kind)]


def test_a_controller_that_wakes_after_another_took_over(
    lab: Lab, operator: Operator, tmp_path: Path
) -> None:
    """The first bastion is held still in the middle of its plan. The second one is refused, and
    told by whom; it steals, and brings the chain back. The first one wakes, and starts nothing."""
    lab.break_stop("val3", "val4")
    first = operator.approved("INC-001")
    plan = directory(operator, first).plan
    early, late = (step.target for step in plan.steps)
    resource = plan.resources[0]
    (tmp_path / "second").mkdir()
    bastion2 = Operator(lab, tmp_path / "second")

    with (
        rescued(lab, "val3", "val4", goes_on=True),
        operator.start("apply", first, "--json") as sleeper,
    ):
        until(sleeper, operator, first, GateWaiting)
        sleeper.send_signal(signal.SIGSTOP)
        try:
            second = bastion2.approved("INC-001")
            (step,) = directory(bastion2, second).plan.steps
            assert step.target == late
            refused = bastion2.says("apply", second)
            assert refused.code == LOCKED, refused.document
            assert refused.error["guard"] == "fence"
            assert plan_digest(plan)[:12] in refused.error["got"]
            assert first in refused.error["got"]
            assert not directory(bastion2, second).journal.exists()

            stolen = bastion2.says("steal", resource, "--reason", "bastion 1 is asleep")
            assert stolen.code == 0, stolen.document
            assert stolen.result["was"]["plan"] == plan_digest(plan)
            done = bastion2.says("apply", second)
            assert done.code == 0, done.why
        finally:
            sleeper.send_signal(signal.SIGCONT)
        out, err = sleeper.communicate(timeout=LIMIT_S)

    assert sleeper.returncode == PARTLY_APPLIED, (out, err)
    error = json.loads(out)["error"]
    assert "fenced out, it never started" in error["what"], error
    assert second in error["what"]
    assert [ended.state for ended in events(operator, first, StepEnded)] == ["done", "failed"]
    (taken,) = events(operator, first, FenceTaken)
    (given,) = events(operator, first, FenceGiven)
    (later,) = events(bastion2, second, FenceTaken)
    assert taken.number < int(stolen.result["number"]) < later.number
    assert given.number == taken.number
    ran = {
        (name, host): starts(lab, who, run, host)
        for name, who, run in (("first", operator, first), ("second", bastion2, second))
        for host in (early, late)
    }
    assert ran == {
        ("first", early): 1,
        ("first", late): 0,
        ("second", early): 0,
        ("second", late): 1,
    }
