"""A drain of a node whose pods score: what was moved has to answer as agreed where it lands."""

from __future__ import annotations

from typing import Any

import pytest

from remediations.engine.apply.look import GateVerdict
from remediations.engine.plan.plan import Outcome
from remediations.playbooks.scoring.pods.scores import judge_workload_answers
from remediations.playbooks.service.drain_node import DRAIN_NODE
from remediations.playbooks.service.gates import ServiceBefore, baseline, look_at
from remediations.playbooks.service.node_actions import CORDON_NODE, EVICT_POD
from remediations.playbooks.service.node_gates import Moved
from remediations.playbooks.service.score_guards import (
    elsewhere_they_answer_alike,
    moved_answers_can_be_judged,
    moved_pod_can_be_judged,
)
from remediations.playbooks.service.scored import ScoresBefore
from tests.unit.kubernetes.fake_api import FakeApi
from tests.unit.kubernetes.fake_nodes import on_node, two_nodes
from tests.unit.playbooks.service.namespaces import TARGET, denied, situation_of
from tests.unit.playbooks.service.scored import GOLDEN, OTHER, asked, pods_say, scored_situation
from tests.unit.playbooks.service.test_node_guards import cordoned, node_is

NODE, POD = "node/n1", "pod/scoring/p1"
DRAINS: dict[str, Any] = {"nodes": ("n1",), "node": "n1"}


def saying(says: dict[str, Any]) -> FakeApi:
    """Two nodes with a pod of the scorer on each."""
    api = two_nodes()
    api.pods_say = pods_say(says)
    return api


def test_a_pod_that_scores_is_moved_when_it_answers_elsewhere() -> None:
    """Its gate and a check ask; the expected answers are a fact of the step."""
    service = scored_situation(saying({}), **DRAINS)
    proposal = DRAIN_NODE.propose(service)
    cordon, evict = proposal.stages
    assert evict.gate.asks.read(Moved).scored == TARGET
    assert evict.gate.title.endswith("and its ready pods there give the agreed answers")
    assert "agreed answers" not in cordon.gate.title
    assert [one.id for one in proposal.checks] == ["KP4", "KP5", "KP6", "KP8"]
    scores = baseline(service, proposal)[1].read(ScoresBefore)
    assert ([one.target for one in scores.workloads], scores.golden) == ([TARGET], GOLDEN)
    (expected,) = [one for one in EVICT_POD.facts(service, POD) if one.name == f"{POD}.expected"]
    assert expected.value.endswith(" by power")
    assert not any("is not proven" in one for one in proposal.warnings)


def test_of_what_nobody_calls_a_scoring_service_the_plan_says_so() -> None:
    """Nothing is asked of it."""
    service = situation_of(two_nodes(), **DRAINS)
    proposal = DRAIN_NODE.propose(service)
    assert f"what {TARGET} answers is not proven" in proposal.warnings[-1]
    assert not proposal.stages[1].gate.asks.read(Moved).scored
    assert "KP8" not in [one.id for one in proposal.checks]
    assert not [one for one in EVICT_POD.facts(service, POD) if one.name.endswith(".expected")]


@pytest.mark.parametrize(
    ("says", "more", "outcomes", "said"),
    [
        ({}, {}, (Outcome.PASS, Outcome.PASS, Outcome.PASS), "agreed by power"),
        ({"p1": OTHER}, {}, (Outcome.PASS, Outcome.PASS, Outcome.PASS), "agreed by power"),
        ({"p2": OTHER}, {}, (Outcome.PASS, Outcome.BLOCK, Outcome.PASS), "agreed by power"),
        ({}, {"agreed": False}, (Outcome.BLOCK, Outcome.PASS, Outcome.BLOCK), "two thirds"),
    ],
    ids=["well", "its own is odd", "odd elsewhere", "nothing agreed"],
)
def test_what_has_to_be_known_before_the_cordon(
    says: dict[str, Any], more: dict[str, Any], outcomes: tuple[Outcome, ...], said: str
) -> None:
    """A pod that answers otherwise on the sick node is what a drain may cure; elsewhere the gate
    could not tell it from what was moved."""
    service = scored_situation(saying(says), **DRAINS, **more)
    asked_before = moved_answers_can_be_judged(service, NODE)
    elsewhere = elsewhere_they_answer_alike(service, NODE)
    one = moved_pod_can_be_judged(service, POD)
    assert (asked_before.outcome, elsewhere.outcome, one.outcome) == outcomes
    assert said in asked_before.got
    assert (elsewhere.outcome is Outcome.BLOCK) is ("p2" in elsewhere.got)


def test_without_the_right_to_ask_nothing_that_scores_is_moved() -> None:
    """And what does not score is none of these guards' business."""
    api = saying({})
    denied("create pods")(api)
    judged = moved_answers_can_be_judged(scored_situation(api, **DRAINS), NODE)
    assert (judged.outcome, judged.got) == (Outcome.BLOCK, "not allowed: create pods/proxy")
    plain = situation_of(two_nodes(), **DRAINS)
    assert moved_answers_can_be_judged(plain, NODE).outcome is Outcome.PASS
    assert "nothing that scores" in elsewhere_they_answer_alike(plain, NODE).got
    assert {moved_answers_can_be_judged, elsewhere_they_answer_alike} <= set(CORDON_NODE.guards)
    assert moved_pod_can_be_judged in EVICT_POD.guards


@pytest.mark.parametrize(
    ("says", "opens", "said", "hopeless"),
    [
        ({}, True, "2 ready pods give the agreed answers", False),
        ({"p9": OTHER}, False, "p9: another answer to high", True),
        ({"p2": OTHER, "p9": OTHER}, False, "2 of 2 ready pods", True),
        ({"p0": OTHER}, True, "2 ready pods give the agreed answers", False),
    ],
    ids=["alike", "the moved one is odd", "all are odd", "odd on the node itself"],
)
def test_the_gate_of_a_pod_that_moved(
    says: dict[str, Any], opens: bool, said: str, hopeless: bool
) -> None:
    """Ready elsewhere, and its answers are right there; what is still on the node does not count.
    No waiting helps where one is odd."""
    verdict = _moved(says)
    assert (verdict.open, bool(verdict.hopeless)) == (opens, hopeless)
    assert said in verdict.seen


def _moved(says: dict[str, Any]) -> GateVerdict:
    before = scored_situation(saying({}), **DRAINS)
    proposal = DRAIN_NODE.propose(before)
    now = saying(says)
    node_is(cordoned())(now)
    now.lists["pods"] = [on_node("p0"), on_node("p2", "n2"), on_node("p9", "n2")]
    (workload,) = asked(now, 1).workloads
    reading = situation_of(now, nodes=("n1",), owners=frozenset({"uid-of-old"})).reading
    answers = {TARGET: judge_workload_answers(workload, GOLDEN)}
    look = look_at(baseline(before, proposal)[0].read(ServiceBefore), reading, answers)
    return look.judge(proposal.stages[1].gate)


def test_a_moved_pod_whose_workload_was_not_asked_proves_nothing() -> None:
    before = scored_situation(saying({}), **DRAINS)
    proposal = DRAIN_NODE.propose(before)
    now = saying({})
    node_is(cordoned())(now)
    now.lists["pods"] = [on_node("p2", "n2"), on_node("p9", "n2")]
    reading = situation_of(now, nodes=("n1",), owners=frozenset({"uid-of-old"})).reading
    look = look_at(baseline(before, proposal)[0].read(ServiceBefore), reading)
    verdict = look.judge(proposal.stages[1].gate)
    assert (verdict.open, "were not asked" in verdict.seen) == (False, True)
