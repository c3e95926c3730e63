"""What undoing a step costs follows from the voting power; and what a plan ends is not told as
untouched."""

from __future__ import annotations

import pytest

from remediations.engine.plan.plan import Plan
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.reading import CometReading
from tests import worlds
from tests.unit.plan.cases import missing, plan_of
from tests.worlds import healthy


def frozen_at_the_tip(host: str) -> CometReading:
    """Its sign state is that of the last height, so that it may be started."""
    return worlds.sign_state(worlds.frozen(healthy(), host), host, worlds.HEIGHT)


def undone(plan: Plan) -> dict[str, str]:
    return {step.target: step.undo for step in plan.steps}


def test_undoing_the_start_of_a_validator_may_halt_the_chain() -> None:
    """40 of 100 leave 60 at most, which is not a quorum; 10 of 100 leave 90."""
    said = undone(plan_of(missing(healthy(), "val1", "val4")))
    assert said["val1"] == (
        "systemctl stop virtengine.service: halts the chain, because without its 40 of 100 power "
        "at most 60 vote, which is two thirds or less"
    )
    assert said["val4"] == (
        "systemctl stop virtengine.service: the chain halts unless more than two thirds of the "
        "power vote without it"
    )
    assert "safe" not in "".join(said.values())


@pytest.mark.parametrize("powers", [(34, 33, 33), (33, 33, 34), (1, 1, 1), (50, 30, 15, 5)])
def test_it_is_described_for_any_set(powers: tuple[int, ...]) -> None:
    """By the rule of the quorum, exactly: a third or more of the power halts."""
    hosts = [f"val{number}" for number in range(1, len(powers) + 1)]
    said = undone(plan_of(missing(healthy(powers), *hosts[:-1])))
    total = sum(powers)
    for host, power in zip(hosts, powers, strict=True):
        if host in said:
            assert ("halts the chain" in said[host]) is not has_quorum(total - power, total)


def test_hundred_validators_share_their_words() -> None:
    """Whatever their power is: only one that halts the chain by itself has words of its own."""
    powers = tuple(range(10, 60))
    hosts = [f"val{number}" for number in range(1, 41)]
    assert len(set(undone(plan_of(missing(healthy(powers), *hosts))).values())) == 1


def test_a_node_without_power_is_stopped_safely() -> None:
    plan = plan_of(worlds.stopped(healthy(), "full1"), playbook="node-down")
    assert undone(plan) == {
        "full1": "systemctl stop virtengine.service: safe at any time, it has no power"
    }


def test_a_plan_that_ends_a_process_says_so() -> None:
    """A frozen process still runs: it is killed, which touches it. Nothing else is."""
    frozen = plan_of(frozen_at_the_tip("val1"))
    assert frozen.title == "restart 1 missing validator"
    assert [stage.title for stage in frozen.stages] == ["restart val1"]
    assert "nothing running is touched" not in frozen.worst_case
    assert "only the process on val1 is ended, which does no work" in frozen.worst_case

    stopped = plan_of(missing(healthy(), "val1"))
    assert stopped.title == "start 1 missing validator"
    assert "nothing running is touched" in stopped.worst_case

    both = plan_of(missing(frozen_at_the_tip("val2"), "val1"))
    assert both.title == "start or restart 2 missing validators at once"
    assert [stage.title for stage in both.stages] == ["start or restart val2, val1 together"]
