"""What is read of a namespace, also from an API server that does not do as it should."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from remediations.systems.kubernetes.api import ApiError, KubernetesApi, Request
from remediations.systems.kubernetes.inventory import ClusterEntry
from remediations.systems.kubernetes.look import read_cluster
from remediations.systems.kubernetes.parse import RESTARTED
from remediations.systems.kubernetes.values import KubernetesReading, WorkloadState
from remediations.values.part import Part
from remediations.values.reading import Known, Unknown, Why
from tests.unit.kubernetes.fake_api import (
    BAD,
    GOOD,
    SCORER,
    SCORER_ENTRY,
    FakeApi,
    Tree,
    deployment,
    pod,
    replica_set,
)

ENTRY = ClusterEntry(
    kubeconfig="/nowhere",
    context=None,
    namespace="scoring",
    owner_period_s=0,
    workloads=(SCORER_ENTRY,),
)


def broken() -> FakeApi:
    """A release whose pod crashes beside two that serve."""
    api = FakeApi(deployment(BAD, replicas=3, updatedReplicas=1))
    api.lists["replicasets"] = [replica_set("old", GOOD, 2), replica_set("new", BAD, 0)]
    api.lists["pods"] = [
        pod("p1", "old", GOOD),
        pod("p2", "old", GOOD),
        pod("p3", "new", BAD, reason="CrashLoopBackOff"),
    ]
    return api


def read(api: FakeApi) -> KubernetesReading:
    """One look; it is what can be written to a file and read back."""
    found = asyncio.run(read_cluster(cast(KubernetesApi, api), ENTRY))
    assert Part.of(found).read(KubernetesReading) == found
    return found


def state(api: FakeApi) -> WorkloadState:
    """The one workload."""
    (workload,) = read(api).workloads
    assert isinstance(workload.state, Known)
    return workload.state.value


def test_a_broken_release_is_read_with_its_reason() -> None:
    """Revisions with digests, pods with what they really run, why one is not ready."""
    found = state(broken())
    assert found.settled is False
    assert found.stuck_says == "p3: CrashLoopBackOff"
    assert [(one.hash, one.ready, one.images[0].digest) for one in found.revisions] == [
        ("new", 0, BAD.partition("@")[2]),
        ("old", 2, GOOD.partition("@")[2]),
    ]
    assert found.revisions[0].rest == found.revisions[1].rest == found.rest


def test_previews_are_of_each_patch_that_may_be_proposed() -> None:
    """The restart, and the image to go back to; nothing was written."""
    api = broken()
    previews = read(api).previews
    assert [(one.deploy, one.image) for one in previews] == [("restart", ""), ("image", GOOD)]
    image = f"spec.template.spec.containers[scorer].image: {BAD} → {GOOD}"
    told = [one.shown.value for one in previews if isinstance(one.shown, Known)]
    assert told == [
        f"spec.template.metadata.annotations: nothing → {{'{RESTARTED}': 'generation-7'}}",
        image,
    ]
    assert api.writes == 0


def test_the_same_cluster_has_the_same_preview() -> None:
    """Status and versions move; the preview is compared again before anything is done."""
    api = broken()
    first = read(api).previews
    api.touch()
    again = read(api).previews
    assert [one.shown.value for one in first if isinstance(one.shown, Known)] == [
        one.shown.value for one in again if isinstance(one.shown, Known)
    ]


def test_an_unseen_generation_settles_nothing() -> None:
    """The status is of the generation before."""
    assert state(FakeApi(deployment(observedGeneration=6))).settled is None


OWNERS: list[tuple[str, Tree]] = [
    ("argocd.argoproj.io/instance=shop", {"labels": {"argocd.argoproj.io/instance": "shop"}}),
    ("field manager argocd-controller", {"managedFields": [{"manager": "argocd-controller"}]}),
    ("App shop (owner reference)", {"ownerReferences": [{"kind": "App", "name": "shop"}]}),
]


@pytest.mark.parametrize(("told", "meta"), OWNERS, ids=[one for one, _ in OWNERS])
def test_owners_are_found_by_their_marks(told: str, meta: Tree) -> None:
    """Labels, field managers, owner references."""
    tree = deployment()
    tree["metadata"].update(meta)
    assert state(FakeApi(tree)).owners == (told,)


@pytest.mark.parametrize(
    ("labels", "told"),
    [({}, "HorizontalPodAutoscaler s"), ({"scaledobject.keda.sh/name": "s"}, "KEDA s")],
)
def test_what_scales_it_owns_it(labels: dict[str, str], told: str) -> None:
    """An autoscaler, whoever made it."""
    api = FakeApi()
    target = {"kind": "Deployment", "name": "scorer"}
    scaler = {"metadata": {"name": "s", "labels": labels}, "spec": {"scaleTargetRef": target}}
    api.lists["horizontalpodautoscalers"] = [scaler]
    assert state(api).owners == (told,)


@pytest.mark.parametrize(
    ("denied", "lacks"),
    [
        ("get namespaces/kube-system", "cluster"),
        ("list pods in scoring", "workload"),
        ("get deployments/scorer in scoring", "workload"),
        ("list poddisruptionbudgets in scoring", "budgets"),
    ],
)
def test_a_right_that_is_missing_is_an_unknown_of_its_own(denied: str, lacks: str) -> None:
    """With verb and resource in its reason."""
    api = broken()
    api.denied.add(denied)
    found = read(api)
    readings: dict[str, Any] = {
        "cluster": found.cluster,
        "workload": found.workloads[0].state,
        "budgets": found.budgets,
    }
    reading = readings[lacks]
    assert isinstance(reading, Unknown)
    assert (reading.why, denied in reading.reason) == (Why.DENIED, True)
    if lacks == "budgets":
        assert isinstance(found.workloads[0].state, Known)


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: tree["metadata"].pop("uid"),
        lambda tree: tree["metadata"].update(generation="7"),
        lambda tree: tree["spec"].pop("template"),
        lambda tree: tree["spec"]["template"]["spec"].update(containers=[]),
        lambda tree: tree["status"].update(replicas=-1),
    ],
)
def test_another_form_is_unknown(change: Any) -> None:  # noqa: ANN401 - a function
    """Nothing has a default that decides."""
    tree = deployment()
    change(tree)
    (workload,) = read(FakeApi(tree)).workloads
    assert isinstance(workload.state, Unknown)
    assert workload.state.why is Why.MALFORMED


def test_a_workload_that_does_not_exist_is_named() -> None:
    """404 for it alone."""
    api = FakeApi()
    del api.objects[SCORER]
    (workload,) = read(api).workloads
    assert isinstance(workload.state, Unknown)
    assert "deployments/scorer in scoring" in workload.state.reason


def test_a_refused_dry_run_is_a_preview_that_is_unknown() -> None:
    """An admission webhook says no: its words are in the reason."""

    class Refuses(FakeApi):
        def ask(self, request: Request, limit_s: float = 10.0) -> Tree:
            if request.method == "PATCH":
                raise ApiError("patch: the webhook says no", why=Why.FAILED, status=400)
            return super().ask(request, limit_s)

    for preview in read(Refuses()).previews:
        assert isinstance(preview.shown, Unknown)
        assert "the webhook says no" in preview.shown.reason
