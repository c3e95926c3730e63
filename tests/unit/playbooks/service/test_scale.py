"""A Deployment that is scaled: whose number it is, which bytes, and the way back."""

from __future__ import annotations

from typing import Any

import pytest

from remediations.engine.domain import Facts
from remediations.engine.plan.plan import Outcome
from remediations.playbooks.service.actions import (
    SCALE_WORKLOAD,
    SCALE_WORKLOAD_BACK,
    service_facts,
)
from remediations.playbooks.service.gates import RolledOut, judge_rollout
from remediations.playbooks.service.scale import SCALE as BRANCH
from remediations.playbooks.service.situation import ServiceSituation
from remediations.systems.kubernetes.steps import Write, compile_writes
from tests.unit.kubernetes.fake_api import FakeApi
from tests.unit.playbooks.service.namespaces import (
    SCALE,
    TARGET,
    bound,
    broken_release,
    serving,
    situation_of,
    spec,
)

FOUR: dict[str, Any] = {"scale": SCALE, "replicas": 4}


def bound_and_serving() -> FakeApi:
    api = serving()
    bound(api)
    return api


def facts_of(service: ServiceSituation) -> Facts:
    found = (*service_facts(service), *SCALE_WORKLOAD.facts(service, TARGET))
    return {one.name: one.value for one in found}


def test_the_number_is_set_with_its_cost_and_its_class() -> None:
    service = situation_of(bound_and_serving(), **FOUR)
    assert BRANCH.fits(service) is None
    proposal = BRANCH.propose(service)
    assert proposal.targets == (TARGET,)
    assert proposal.warnings[0] == "it costs: a node for two"
    judged = [guard(service, TARGET) for guard in SCALE_WORKLOAD.guards]
    assert [one.id for one in judged if one.outcome is not Outcome.PASS] == []
    facts = facts_of(service)
    assert facts[f"{TARGET}.scale"] == "2 to 6, nodes cpu=avx2, costs a node for two"
    (step,) = compile_writes(SCALE_WORKLOAD.deploy, {TARGET: SCALE_WORKLOAD.data(facts, TARGET)})[
        TARGET
    ]
    write = Write.parse(step.payload)
    assert write.expect == {"/metadata/generation": 7, "/spec/replicas": 2}
    assert write.effect == {"/spec/replicas": 4}
    assert "spec.replicas: 2 → 4" in step.shown
    data = SCALE_WORKLOAD_BACK.data(facts, TARGET)
    (back,) = compile_writes(SCALE_WORKLOAD_BACK.deploy, {TARGET: data})[TARGET]
    assert Write.parse(back.payload).expect == {"/spec/replicas": 4}
    assert Write.parse(back.payload).effect == {"/spec/replicas": 2}


def test_the_way_back_is_the_same_branch() -> None:
    api = bound_and_serving()
    spec(replicas=5)(api)
    service = situation_of(api, scale=SCALE, replicas=2)
    proposal = BRANCH.propose(service)
    unproven, preview = proposal.warnings
    assert f"what {TARGET} answers is not proven" in unproven
    assert preview == f"{TARGET}: preview: 1 change, `remediate show --verbose`"
    (effect,) = SCALE_WORKLOAD.effects(service, TARGET)
    assert (effect.during, effect.after) == (2, 2)


@pytest.mark.parametrize(
    ("api", "told", "reason"),
    [
        (serving(), {}, "no workload has `scale`"),
        (serving(), {"scale": SCALE}, "--replicas"),
        (broken_release(), FOUR, "more of what does not work"),
    ],
)
def test_it_does_not_fit(api: FakeApi, told: dict[str, Any], reason: str) -> None:
    refusal = BRANCH.fits(situation_of(api, **told))
    assert refusal is not None
    assert reason in refusal


def test_the_gate_waits_for_the_number() -> None:
    """Somebody, or something, may have set another one meanwhile."""
    state = situation_of(serving()).state(TARGET)
    asked = RolledOut(target=TARGET, after=6, image="", replicas=4)
    shut = judge_rollout(asked, state)
    assert (shut.open, shut.seen) == (False, "2 replicas are wanted, not 4")
    assert judge_rollout(RolledOut(target=TARGET, after=6, image="", replicas=2), state).open


@pytest.mark.parametrize("text", ["", "0", "many", "-1", "10001", "²"])
def test_a_number_is_a_number(text: str) -> None:
    (choice,) = BRANCH.inputs
    with pytest.raises(ValueError, match="a whole number"):
        choice.parse(text)
    assert choice.parse("04") == "4"
