"""KP3 and KP8: what was set still stands after twice the owner's period, and its pods answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from remediations.engine.verify.given import Given
from remediations.engine.verify.result import NotVerified
from remediations.playbooks.scoring.pods.scores import judge_workload_answers
from remediations.playbooks.service.checks import test_scores as scores
from remediations.playbooks.service.checks import test_workloads as checks
from remediations.playbooks.service.gates import RolledOut, ServiceBefore
from remediations.systems.kubernetes.api import ApiError
from remediations.systems.kubernetes.values import KubernetesReading
from remediations.values.part import Part
from remediations.values.reading import Why
from tests.unit.kubernetes.fake_api import BAD, CLUSTER, deployment
from tests.unit.playbooks.service.namespaces import TARGET, serving, situation_of
from tests.unit.playbooks.service.scored import GOLDEN, OTHER, asked, pods_say

BEFORE = ServiceBefore(cluster=CLUSTER, namespace="scoring", owner_period_s=90, workloads=())


def _given(*, scored: bool = False) -> Given:
    """As much of a plan as these checks look at."""
    asks = Part.of(RolledOut(target=TARGET, after=6, image="", scored=scored))
    stage = SimpleNamespace(gate=SimpleNamespace(asks=asks))
    return cast(Given, SimpleNamespace(plan=SimpleNamespace(stages=(stage,))))


def _readings(*readings: KubernetesReading) -> Iterator[KubernetesReading]:
    yield from readings


@pytest.mark.parametrize("taken_back", [False, True])
def test_a_change_that_is_taken_back_fails(
    taken_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An owner that leaves no mark has its turn while the check waits."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    first, api = situation_of(serving()).reading, serving()
    if taken_back:
        api.objects["/apis/apps/v1/namespaces/scoring/deployments/scorer"] = deployment(BAD)
    looks = _readings(first, situation_of(api).reading)
    said: list[str] = []

    def check() -> None:
        checks.test_stands(_given(), BEFORE, lambda: next(looks), said.append)

    if taken_back:
        with pytest.raises(AssertionError, match="was changed back"):
            check()
    else:
        check()
        assert said == [f"unchanged for 180 s: {TARGET}"]
    assert waited == [180]


@pytest.mark.parametrize(
    ("says", "failure"),
    [
        ({}, None),
        ({"p2": OTHER}, AssertionError),
        ({"p1": 500}, AssertionError),
        ({"p1": ApiError("403", why=Why.DENIED)}, NotVerified),
    ],
    ids=["alike", "otherwise", "errors", "not-asked"],
)
def test_kp8(
    says: dict[str, Any],
    failure: type[Exception] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A release whose answers differ is not verified, and neither is one that nobody asked."""
    monkeypatch.setattr(scores, "SETTLE_S", 0.0)
    api = serving()
    api.pods_say = pods_say(says)
    (workload,) = asked(api).workloads
    told = {TARGET: judge_workload_answers(workload, GOLDEN)}
    said: list[str] = []
    if failure is None:
        scores.test_answers(_given(scored=True), lambda: told, said.append)
        assert "2 ready pods give the agreed answers" in said[0]
    else:
        with pytest.raises(failure):
            scores.test_answers(_given(scored=True), lambda: told, said.append)


def test_kp8_of_a_workload_that_is_gone() -> None:
    with pytest.raises(NotVerified, match="not asked"):
        scores.test_answers(_given(scored=True), dict, lambda _: None)
