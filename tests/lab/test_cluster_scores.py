"""The inference service on a real cluster: a release that rolls out as any other, and answers
otherwise, is found by its answers, brought back, and never called verified before they are equal.

The truth is asked for and computed without the product (`ScoringService.answers`, `right`).
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.kube.cluster import Cluster
from tests.lab.kube.scorers import ScoringService, scored, verdict
from tests.lab.kube.service import NAMESPACE, SCORER, WORKLOAD, OnCall

pytestmark = full_lab
ODD = ("other-model", "other-build", "more-threads", "other-kernel")
STOPPED = (7, 8)
"""Partly applied, or applied and not verified."""


@pytest.fixture
def service(cluster: Cluster) -> ScoringService:
    """New, and serving."""
    service = ScoringService(cluster)
    service.begin()
    return service


@pytest.fixture
def oncall(service: ScoringService, tmp_path: Path) -> OnCall:
    """Somebody whose inventory says that the Deployment scores."""
    oncall = OnCall(service.cluster, tmp_path)
    scored(oncall)
    return oncall


def _released(service: ScoringService, image: str) -> None:
    service.set_image(service.cluster.image(image))
    service.cluster.wait(f"{image} is rolled out", service.whole)


def _right(service: ScoringService) -> bool:
    return set(service.answers().values()) == {service.right()}


def test_pods_that_agree_are_well(service: ScoringService, oncall: OnCall) -> None:
    """Both domains say so, and `doctor` that they can be asked."""
    assert _right(service)
    told, subject = verdict(oncall)
    assert (told, subject["condition"]) == ("scores-agree", "pods-agree")
    assert oncall.condition() == "rolled-out"
    assert "2 ready pods can be asked" in json.dumps(oncall.says("doctor").document)


def test_a_release_with_another_model_goes_back(service: ScoringService, oncall: OnCall) -> None:
    """It rolls out healthy, and its answers name it; the last good digest is set, its answers are
    waited for, and they are the right ones, bit by bit."""
    good = service.cluster.images["scorer-1"]
    scored(oncall, f"{WORKLOAD}, good: '{good}'")
    _released(service, "other-model")
    assert not _right(service)
    told, subject = verdict(oncall)
    assert (told, subject["condition"]) == ("workload-odd", "pods-otherwise")
    assert any(pod in str(subject["cause"]) for pod in service.pods())
    assert "they loaded another model" in str(subject["cause"])
    assert oncall.condition() == "answers-otherwise"
    planned = oncall.says("plan", "high-error-rate")
    assert "gives the agreed answers" in json.dumps(planned.document)
    applied = oncall.says("apply", oncall.approved())
    assert applied.code == 0, applied.why
    assert "KP8" in json.dumps(applied.document)
    assert service.running == {good}
    assert _right(service)
    assert verdict(oncall)[0] == "scores-agree"


@pytest.mark.parametrize("image", ODD)
def test_what_differs_in_one_bit_is_not_verified(
    service: ScoringService, oncall: OnCall, image: str
) -> None:
    """Somebody goes back to a digest that rolls out, and answers otherwise, too: the run is not
    verified, the way back is offered, and a digest with the right answers is."""
    good, odd = (service.cluster.images[name] for name in ("scorer-1", image))
    _released(service, image)
    _released(service, "other-model" if image != "other-model" else "other-kernel")
    bad = service.image
    run = oncall.approved("--digest", odd)
    began = time.monotonic()
    applied = oncall.says("apply", run)
    assert applied.code in STOPPED, applied.document
    assert time.monotonic() - began < 120, "it is hopeless, and nobody waits for it"
    said = json.dumps(applied.document)
    assert "otherwise" in said
    assert f"remediate undo {run[:8]}" in said
    assert service.running == {odd}
    assert oncall.says("status", run).result["state"] != "verified"
    undone = oncall.says("undo", run, "--reason", "it answers otherwise, too")
    assert undone.code == 0, undone.document
    assert service.image == bad
    applied = oncall.says("apply", oncall.approved("--digest", good))
    assert applied.code == 0, applied.why
    assert _right(service)


def test_new_replicas_that_answer_otherwise_are_taken_back(
    service: ScoringService, oncall: OnCall
) -> None:
    """Somebody has edited the ConfigMap since the pods started. The two that serve answer rightly,
    the new ones do not: ready is not enough, and undo leaves the two."""
    service.settings_from_a_map(SCORER_KERNEL="avx2")
    scored(oncall, f"{WORKLOAD}, scale: {{normal: 2, max: 4, cost: two more pods, class: any}}")
    run = oncall.approved("--replicas", "4")
    serve = set(service.pods())
    service.edit_the_map(SCORER_KERNEL="sse2")
    began = time.monotonic()
    applied = oncall.says("apply", run)
    assert applied.code in STOPPED, applied.document
    assert time.monotonic() - began < 120, "it is hopeless, and nobody waits for it"
    assert "otherwise than agreed" in json.dumps(applied.document)
    assert service.available == 4
    answers = service.answers()
    assert {pod for pod, bits in answers.items() if bits == service.right()} == serve
    undone = oncall.says("undo", run, "--reason", "they compute with another kernel")
    assert undone.code == 0, undone.document
    service.cluster.wait("two are left", lambda: len(service.pods()) == 2)


def test_a_pod_with_a_frozen_engine_is_restarted(service: ScoringService, oncall: OnCall) -> None:
    """It is ready, for `/health` is static; its silence names it, and a restart cures it."""
    service.freeze_one()
    service.cluster.wait("silence", lambda: oncall.condition() == "answers-missing")
    assert service.available == 2
    before = set(service.pods())
    applied = oncall.says("apply", oncall.approved())
    assert applied.code == 0, applied.why
    assert not before & set(service.pods())
    assert _right(service)


def test_without_the_right_to_ask_nothing_is_called_proven(
    service: ScoringService, oncall: OnCall
) -> None:
    """K25 refuses with verb and resource, `doctor` says the same, and nothing is written."""
    service.cluster.kubectl("delete", "role", "remediate-scores", "-n", NAMESPACE)
    _released(service, "other-model")
    generation = service.read()["metadata"]["generation"]
    told, subject = verdict(oncall)
    assert (told, subject["condition"]) == ("scores-unread", "pods-unread")
    crash = service.cluster.image("crash")
    service.set_image(crash)
    service.cluster.wait("a crash", lambda: oncall.condition() == "containers-crash")
    refused = oncall.says("plan", "high-error-rate", "--digest", service.cluster.images["scorer-1"])
    assert refused.code == 4, refused.document
    assert "not allowed: create pods/proxy" in json.dumps(refused.document)
    assert "right to create pods/proxy" in json.dumps(oncall.says("doctor").document)
    assert service.read()["metadata"]["generation"] == generation + 1


def test_without_vectors_the_plan_says_what_is_not_proven(
    service: ScoringService, oncall: OnCall
) -> None:
    """An inventory that does not call it a scoring service: rolled out is all that is claimed."""
    oncall.inventory()
    service.set_image(service.cluster.image("crash"))
    service.cluster.wait("a crash", lambda: oncall.condition() == "containers-crash")
    planned = oncall.says("plan", "high-error-rate")
    assert planned.code == 3, planned.document
    assert f"what deployment/{SCORER} answers is not proven" in json.dumps(planned.document)
    assert "KP8" not in json.dumps(planned.document)
