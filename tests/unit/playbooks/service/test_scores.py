"""A workload that scores: that it is rolled out proves nothing of what it answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from remediations.engine.plan.plan import Gate, Outcome
from remediations.playbooks.scoring.pods.scores import judge_workload_answers
from remediations.playbooks.service.actions import SET_IMAGE
from remediations.playbooks.service.finding import conclude
from remediations.playbooks.service.gates import (
    RolledOut,
    ServiceBefore,
    ServiceLook,
    baseline,
    look_at,
)
from remediations.playbooks.service.high_error_rate import PLAYBOOK
from remediations.playbooks.service.score_guards import (
    answers_can_be_judged,
    image_answers_alike,
)
from remediations.playbooks.service.scored import ScoresBefore
from remediations.systems.kubernetes.api import ApiError
from remediations.values.part import Part
from remediations.values.reading import Why
from tests.unit.kubernetes.fake_api import BAD, GOOD, FakeApi, deployment, pod, replica_set
from tests.unit.playbooks.service.namespaces import TARGET, serving, situation_of
from tests.unit.playbooks.service.scored import GOLDEN, OTHER, asked, pods_say, scored_situation

BACK, RESTART = PLAYBOOK.branches[2], PLAYBOOK.branches[3]
LATE = ApiError("silent", why=Why.TIME_LIMIT)
GOOD_DIGEST = GOOD.partition("@")[2]


def released(says: dict[str, Any], *, both: bool = False) -> FakeApi:
    """A release that is rolled out, beside the ReplicaSet of before; `both`: whose last pod still
    serves."""
    api = FakeApi(deployment(BAD, replicas=3 if both else 2))
    api.lists["replicasets"] = [replica_set("old", GOOD, int(both)), replica_set("new", BAD, 2)]
    api.lists["pods"] = [pod("n1", "new", BAD), pod("n2", "new", BAD)]
    if both:
        api.lists["pods"].append(pod("o1", "old", GOOD))
    api.pods_say = pods_say(says)
    return api


ODD = {"n1": OTHER, "n2": OTHER}


def test_a_release_that_answers_otherwise_goes_back() -> None:
    """It is as broken as one that crashes; where it comes from somebody has to say."""
    service = scored_situation(released(ODD), good=GOOD_DIGEST)
    (subject, *_) = conclude(service).subjects
    assert subject.condition == "answers-otherwise"
    assert "n1: another answer to high" in subject.cause
    assert BACK.fits(service) is None
    proposal = BACK.propose(service)
    (stage,) = proposal.stages
    assert stage.gate.title.endswith("and every ready pod gives the agreed answers")
    assert stage.gate.asks.read(RolledOut).scored
    assert [one.id for one in proposal.checks] == ["KP1", "KP2", "KP3", "KP4", "KP8"]
    scores = baseline(service, proposal)[1].read(ScoresBefore)
    assert scores.golden == GOLDEN
    assert [one.target for one in scores.workloads] == [TARGET]
    unnamed = scored_situation(released(ODD))
    assert "choose with --digest" in str(BACK.fits(unnamed))


def test_what_serves_beside_it_vouches_where_it_answers_as_agreed() -> None:
    service = scored_situation(released(ODD, both=True))
    good = service.last_good(service.workload(TARGET))
    assert good is not None
    assert good.image == GOOD
    odd = scored_situation(released({**ODD, "o1": OTHER}, both=True))
    assert odd.last_good(odd.workload(TARGET)) is None


def test_pods_that_are_ready_and_silent_are_restarted() -> None:
    service = scored_situation(released({"n1": LATE}))
    (subject, *_) = conclude(service).subjects
    assert subject.condition == "answers-missing"
    assert RESTART.fits(service) is None
    (stage,) = RESTART.propose(service).stages
    assert stage.gate.asks.read(RolledOut).scored


def test_what_nobody_calls_a_scoring_service_is_not_asked() -> None:
    """The plan says what is not proven."""
    api = released(ODD)
    api.lists["pods"][0] = pod("n1", "new", BAD, reason="CrashLoopBackOff")
    api.objects["/apis/apps/v1/namespaces/scoring/deployments/scorer"]["status"].update(
        availableReplicas=1
    )
    service = situation_of(api, good=GOOD_DIGEST)
    proposal = BACK.propose(service)
    assert f"what {TARGET} answers is not proven" in proposal.warnings[0]
    assert not proposal.stages[0].gate.asks.read(RolledOut).scored
    assert len(baseline(service, proposal)) == 1
    assert "KP8" not in [one.id for one in proposal.checks]


def _gated(says: dict[str, Any]) -> ServiceLook:
    api = serving()
    api.pods_say = pods_say(says)
    (workload,) = asked(api, 1).workloads
    service = situation_of(api)
    before = baseline(service, RESTART.propose(service))[0].read(ServiceBefore)
    return look_at(before, service.reading, {TARGET: judge_workload_answers(workload, GOLDEN)})


GATE = Gate(
    title="it",
    timeout_s=60,
    asks=Part.of(RolledOut(target=TARGET, after=6, image="", scored=True)),
)


@pytest.mark.parametrize(
    ("says", "opens", "seen", "hopeless"),
    [
        ({}, True, "2 ready pods give the agreed answers", False),
        ({"p1": OTHER}, False, "1 of 2 ready pods: p1: another answer to high", False),
        ({"p1": OTHER, "p2": OTHER}, False, "2 of 2 ready pods", True),
        ({"p2": LATE}, False, "no answer within the time limit", False),
        ({"p2": 500}, False, "HTTP 500", False),
    ],
    ids=["alike", "one-odd", "all-odd", "one-silent", "errors"],
)
def test_the_gate_asks_every_pod(
    says: dict[str, Any], opens: bool, seen: str, hopeless: bool
) -> None:
    look = _gated(says)
    verdict = look.judge(GATE)
    assert (verdict.open, bool(verdict.hopeless)) == (opens, hopeless)
    assert seen in verdict.seen
    (point,) = (one for one in look.sight.points if one.subject == TARGET)
    assert point.value == (2 if opens else 0 if hopeless else 1)


def test_of_what_is_scaled_one_odd_pod_is_enough() -> None:
    """None of them is about to be replaced, so waiting changes nothing."""
    scaled = RolledOut(target=TARGET, after=6, image="", replicas=2, scored=True)
    verdict = _gated({"p1": OTHER}).judge(Gate(title="it", timeout_s=60, asks=Part.of(scaled)))
    assert (verdict.open, verdict.hopeless) == (False, "answers otherwise than agreed: p1")


def test_a_gate_whose_pods_were_not_asked_is_shut() -> None:
    look = _gated({})
    silent = look_at(
        ServiceBefore(cluster="c", namespace="scoring", owner_period_s=0, workloads=()),
        look.reading,
    )
    assert not ServiceLook(states=look.states, reading=silent.reading).judge(GATE).open


@pytest.mark.parametrize(
    ("agreed", "denied", "outcome", "got"),
    [
        (True, (), Outcome.PASS, "agreed by power"),
        (False, (), Outcome.BLOCK, "no answer has more than two thirds"),
        (True, ("create pods",), Outcome.BLOCK, "not allowed: create pods/proxy"),
    ],
)
def test_k25(agreed: bool, denied: tuple[str, ...], outcome: Outcome, got: str) -> None:
    api = released(ODD)
    api.denied.update(denied)
    found = answers_can_be_judged(scored_situation(api, agreed=agreed), TARGET)
    assert found.outcome is outcome
    assert got in found.got


def test_k25_where_the_right_is_not_known() -> None:
    service = scored_situation(released(ODD))
    assert service.scores is not None
    reading = msgspec.structs.replace(service.scores.reading, access=())
    unknown = replace(service, scores=replace(service.scores, reading=reading))
    found = answers_can_be_judged(unknown, TARGET)
    assert (found.outcome, found.got) == (Outcome.UNKNOWN, "whether pods may be asked is not known")


def test_k25_asks_nothing_of_a_service_that_does_not_score() -> None:
    assert answers_can_be_judged(situation_of(released(ODD)), TARGET).outcome is Outcome.PASS


def test_k26() -> None:
    """An image is refused whose pods are known to answer otherwise, and only that one."""
    api = released({**ODD, "o1": OTHER}, both=True)
    found = image_answers_alike(scored_situation(api, good=GOOD_DIGEST), TARGET)
    assert found.outcome is Outcome.BLOCK
    assert "o1" in found.got
    fine = scored_situation(released(ODD), good=GOOD_DIGEST)
    assert image_answers_alike(fine, TARGET).outcome is Outcome.PASS
    plain = situation_of(released(ODD), good=GOOD_DIGEST)
    assert image_answers_alike(plain, TARGET).outcome is Outcome.PASS


def test_what_is_expected_is_a_fact() -> None:
    service = scored_situation(released(ODD), good=GOOD_DIGEST)
    facts = {one.name: one.value for one in SET_IMAGE.facts(service, TARGET)}
    assert facts[f"{TARGET}.expected"].endswith(" by power")
    assert facts[f"{TARGET}.to_image_answers"] == "not known to differ"
