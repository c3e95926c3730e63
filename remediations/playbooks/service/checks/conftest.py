"""What the checks are given: the namespace, read afresh through the inventory's credentials."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from remediations.engine.apply.look import Sight
from remediations.engine.verify.fixtures import (
    given,
    pytest_addoption,
    pytest_configure,
    saw,
    seen,
    wait,
)
from remediations.engine.verify.given import Given
from remediations.playbooks.scoring.pods.scores import JudgedWorkload
from remediations.playbooks.service.answers import read_answers
from remediations.playbooks.service.gates import ServiceBefore, look_at, owners_in, scored_in
from remediations.playbooks.service.scored import ScoresBefore
from remediations.systems.kubernetes.api import ApiError, KubernetesApi
from remediations.systems.kubernetes.inventory import cluster_of
from remediations.systems.kubernetes.look import read_cluster, unread
from remediations.systems.kubernetes.values import KubernetesReading

__all__ = ["given", "pytest_addoption", "pytest_configure", "saw", "seen", "wait"]

Read = Callable[[], KubernetesReading]
Answers = Callable[[], Mapping[str, JudgedWorkload]]


@pytest.fixture(scope="session")
def before(given: Given) -> ServiceBefore:
    """How the namespace was."""
    return given.plan.part(ServiceBefore)


@pytest.fixture(scope="session")
def read(given: Given, before: ServiceBefore, seen: Callable[[Callable[[], Sight]], None]) -> Read:
    """Read the namespace again. The report shows each look, too."""

    def now() -> KubernetesReading:
        entry = cluster_of(given.inventory)
        try:
            api = KubernetesApi.connect(entry)
            owners = owners_in(given.plan)
            found = asyncio.run(read_cluster(api, entry, previews=False, owners=owners))
        except ApiError as error:
            found = unread(entry, error)
        seen(lambda: look_at(before, found).sight)
        return found

    return now


@pytest.fixture(scope="session")
def answers(given: Given) -> Answers:
    """Ask the pods of the plan's scoring workloads again, each as often as is declared."""

    def now() -> Mapping[str, JudgedWorkload]:
        scores, entry = given.plan.part(ScoresBefore), cluster_of(given.inventory)
        api, targets = KubernetesApi.connect(entry), scored_in(given.plan)
        return asyncio.run(read_answers(api, entry, scores, targets, scores.asks))

    return now
