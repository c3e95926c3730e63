"""A node of a real cluster is drained whose pods score: what was moved has to answer as agreed
where it lands, and the others stay where that is not so.

The truth is asked for and computed without the product (`ScoringService.answers`, `right`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.kube.cluster import Cluster
from tests.lab.kube.drained import (
    DRAIN,
    NODE,
    NODES,
    OTHER,
    all_on_one_node,
    is_cordoned,
    mend_nodes,
    places,
    uids,
)
from tests.lab.kube.scorers import ScoringService, scored, verdict
from tests.lab.kube.service import OnCall

pytestmark = full_lab
KERNEL, OTHER_KERNEL = "avx2", "sse2"


@pytest.fixture
def service(cluster: Cluster) -> Iterator[ScoringService]:
    """New, and serving, with its kernel from a ConfigMap; the nodes are mended afterwards."""
    service = ScoringService(cluster)
    service.begin()
    service.settings_from_a_map(SCORER_KERNEL=KERNEL)
    yield service
    mend_nodes(cluster)


@pytest.fixture
def oncall(service: ScoringService, tmp_path: Path) -> OnCall:
    """Somebody whose inventory says that the Deployment scores; all of it is on the node to
    drain."""
    oncall = OnCall(service.cluster, tmp_path)
    all_on_one_node(service, oncall)
    scored(oncall, more=NODES)
    return oncall


def test_what_is_moved_answers_as_agreed_where_it_lands(
    service: ScoringService, oncall: OnCall
) -> None:
    """Both pods are made again on the other node; gates and check have asked them."""
    run = oncall.approved(*DRAIN)
    applied = oncall.says("apply", run)
    assert applied.code == 0, applied.why
    assert "KP8" in json.dumps(applied.document)
    assert places(service) == [OTHER, OTHER]
    assert set(service.answers().values()) == {service.right()}
    assert len(service.answers()) == 2


def test_a_pod_that_answers_otherwise_where_it_lands_is_the_last_that_moves(
    service: ScoringService, oncall: OnCall
) -> None:
    """Somebody has edited the ConfigMap since the pods started, and nothing shows it: ready is what
    `/health` says. The first pod that is made again computes with another kernel; the other one
    stays, and serves. No further drain is planned before that is mended."""
    run = oncall.approved(*DRAIN)
    before = uids(service)
    service.edit_the_map(SCORER_KERNEL=OTHER_KERNEL)
    applied = oncall.says("apply", run)
    assert applied.code in (7, 8), applied.document
    assert "otherwise than agreed" in json.dumps(applied.document)
    assert places(service) == [NODE, OTHER]
    assert len(uids(service) & before) == 1
    answers = list(service.answers().values())
    assert sorted(one == service.right() for one in answers) == [False, True]
    assert is_cordoned(service.cluster)
    undone = oncall.says("undo", run, "--reason", "it computes with another kernel there")
    assert undone.code == 0, undone.document
    assert not is_cordoned(service.cluster)
    told, subject = verdict(oncall)
    assert (told, subject["condition"]) == ("workload-odd", "pods-otherwise")
    assert f"they alone are on {OTHER}" in str(subject["cause"])
    refused = oncall.says("plan", "high-error-rate", *DRAIN)
    assert refused.code == 4, refused.document
    assert "K27" in json.dumps(refused.document)
