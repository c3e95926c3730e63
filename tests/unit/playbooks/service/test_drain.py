"""A drain that would wait for ever is known beforehand, of each kind."""

from __future__ import annotations

from typing import Any

import pytest

from remediations.playbooks.service.drain import drain_deadlocks
from remediations.playbooks.service.finding import conclude
from tests.unit.kubernetes.fake_api import FakeApi
from tests.unit.playbooks.service.namespaces import broken_release, denied, serving, situation_of


def budget(name: str = "keep", policy: str = "", **status: int) -> dict[str, Any]:
    """A PodDisruptionBudget over the pods of the service."""
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": "scorer"}}}
    if policy:
        spec["unhealthyPodEvictionPolicy"] = policy
    told = {"observedGeneration": 1, "expectedPods": 2, "currentHealthy": 2, "desiredHealthy": 1}
    return {
        "metadata": {"name": name, "generation": 1},
        "spec": spec,
        "status": {**told, "disruptionsAllowed": 1, **status},
    }


NEVER = budget(desiredHealthy=2, disruptionsAllowed=0)
UNHEALTHY = budget(expectedPods=3, currentHealthy=1, desiredHealthy=2, disruptionsAllowed=0)
LENIENT = budget(
    policy="AlwaysAllow",
    expectedPods=3,
    currentHealthy=1,
    desiredHealthy=2,
    disruptionsAllowed=0,
)


@pytest.mark.parametrize(
    ("api", "budgets", "pods", "words"),
    [
        (serving(), [], [], ""),
        (serving(), [budget()], [], ""),
        (serving(), [NEVER], ["p1", "p2"], "can never allow one"),
        (serving(), [budget(), budget("other")], ["p1", "p2"], "several budgets"),
        (broken_release(), [UNHEALTHY], ["p3"], "is broken and counts all the same"),
        (broken_release(), [LENIENT], [], ""),
        (serving(), [budget(observedGeneration=0, desiredHealthy=2)], [], ""),
    ],
    ids=["no budget", "fine", "never", "two budgets", "unhealthy", "lenient", "unseen"],
)
def test_a_deadlock(
    api: FakeApi, budgets: list[dict[str, Any]], pods: list[str], words: str
) -> None:
    """With the pod, its node and its budget; and the finding shows it."""
    api.lists["poddisruptionbudgets"] = budgets
    service = situation_of(api)
    found = drain_deadlocks(service.reading)
    assert [one.pod for one in found] == pods
    assert all(words in one.why and one.node == "n1" for one in found)
    titles = [table.title for table in conclude(service).tables]
    assert ("nodes that cannot be drained" in titles) is bool(pods)


def test_budgets_that_were_not_read_prove_nothing() -> None:
    """No deadlock is claimed; `doctor` says what is missing."""
    api = serving()
    api.lists["poddisruptionbudgets"] = [NEVER]
    denied("list poddisruptionbudgets in scoring")(api)
    assert drain_deadlocks(situation_of(api).reading) == ()
