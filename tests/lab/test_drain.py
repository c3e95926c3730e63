"""A node of a real cluster is drained, or rightly refused, and the world asserted.

The person on call has exactly the roles of docs/kubernetes.md. All of it is left to
`make test-lab`: it needs a cluster of its own.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.kube.cluster import Cluster
from tests.lab.kube.drained import (
    DRAIN,
    NODE,
    OTHER,
    all_on_one_node,
    budget,
    is_cordoned,
    marks,
    mend_nodes,
    node,
    places,
    pods,
    uids,
    witnessed,
)
from tests.lab.kube.service import NAMESPACE, SCORER, OnCall, Service, more_roles_of_the_docs
from tests.lab.operator import LIMIT_S

pytestmark = full_lab
SCHEDULER = "kube-scheduler"
RECORDS = range(1, 24) if os.environ.get("REMEDIATE_SOAK") else (5, 11)
"""At which record of its journal a controller is killed. A drain of two pods has about twenty."""
MARK = "remediate/cordoned"


@pytest.fixture
def service(cluster: Cluster) -> Iterator[Service]:
    """New, and serving; the nodes are mended afterwards."""
    service = Service(cluster)
    service.begin()
    yield service
    mend_nodes(cluster)


@pytest.fixture
def oncall(service: Service, tmp_path: Path) -> OnCall:
    """Somebody with the roles of the docs; both pods are on the node to drain."""
    oncall = OnCall(service.cluster, tmp_path)
    all_on_one_node(service, oncall)
    return oncall


def test_a_drain_moves_the_pods_and_the_service_serves_throughout(
    service: Service, oncall: OnCall
) -> None:
    """One after another, under a budget that lets one go; each ends once, and the node is empty."""
    cluster = service.cluster
    budget(cluster, 1)
    before = uids(service)
    run = oncall.approved(*DRAIN)
    with witnessed(service) as witness:
        applied = oncall.says("apply", run)
        assert applied.code == 0, applied.why
    assert places(service) == [OTHER, OTHER]
    assert service.whole()
    assert is_cordoned(cluster)
    assert MARK in marks(cluster)
    assert witness.least_ready >= 1
    assert sorted(witness.ended) == sorted(before)
    again = oncall.says("apply", run)
    assert again.code == 10, again.document
    told = oncall.says("diagnose").document["result"]
    found = next(one["finding"] for one in told if one["finding"]["domain"] == "service")
    conditions = {one["name"]: one["condition"] for one in found["subjects"]}
    assert conditions == {f"deployment/{SCORER}": "rolled-out", f"node/{NODE}": "node-cordoned"}


def test_a_budget_that_can_never_allow_is_refused_before_the_cordon(
    service: Service, oncall: OnCall
) -> None:
    """K13: the node is not cordoned, nothing is on it of ours, and no pod is touched."""
    budget(service.cluster, 2)
    before = uids(service)
    refused = oncall.says("plan", "high-error-rate", *DRAIN)
    assert refused.code == 4, refused.document
    told = json.dumps(refused.document)
    assert "K13" in told
    assert "it can never allow one: 2 of 2 must be healthy" in told
    assert not is_cordoned(service.cluster)
    assert marks(service.cluster) == set()
    assert uids(service) == before


def test_broken_pods_that_count_are_refused_before_the_cordon(
    service: Service, oncall: OnCall
) -> None:
    """A budget that wants a healthy pod says no for ever, since none will be: K13."""
    cluster = service.cluster
    cluster.kubectl("cordon", OTHER)
    try:
        recreate = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
        words = ("patch", "deployment", SCORER, "-n", NAMESPACE, "-p", json.dumps(recreate))
        cluster.kubectl(*words)
        service.set_image(cluster.image("crash"))
        told = ("get", "pods", "-n", NAMESPACE)
        cluster.wait("both crash", lambda: cluster.kubectl(*told).count("CrashLoopBackOff") == 2)
    finally:
        cluster.kubectl("uncordon", OTHER)
    budget(cluster, 1)
    before = uids(service)
    refused = oncall.says("plan", "high-error-rate", *DRAIN)
    assert refused.code == 4, refused.document
    assert "K13" in json.dumps(refused.document)
    assert not is_cordoned(cluster)
    assert marks(cluster) == set()
    assert uids(service) == before


def test_broken_pods_that_may_always_go_are_moved(service: Service, oncall: OnCall) -> None:
    """The same budget with AlwaysAllow: the node is drained, and what was broken serves."""
    cluster = service.cluster
    for pod in service.pods():
        cluster.kubectl("exec", pod, "-n", NAMESPACE, "--", "/app", "sick")
    cluster.wait("nothing is ready", lambda: service.available == 0)
    budget(cluster, 1, "AlwaysAllow")
    applied = oncall.says("apply", oncall.approved(*DRAIN))
    assert applied.code == 0, applied.why
    assert places(service) == [OTHER, OTHER]
    assert service.whole()


def test_a_budget_that_says_no_in_the_middle_stops_it_and_undo_uncordons(
    service: Service, oncall: OnCall
) -> None:
    """429 for a minute: the second pod stays, the budget is named, and the cordon is taken back."""
    cluster, before = service.cluster, uids(service)
    run = oncall.approved(*DRAIN)
    cluster.signal(SCHEDULER, signal.SIGSTOP)
    try:
        with oncall.start("apply", run, "--json") as process:
            oncall.meanwhile(
                process, "the first eviction", lambda: len(uids(service) & before) == 1
            )
            budget(cluster, 2)
            cluster.signal(SCHEDULER, signal.SIGCONT)
            out, _ = process.communicate(timeout=LIMIT_S)
    finally:
        cluster.signal(SCHEDULER, signal.SIGCONT)
    assert process.returncode == 7, out
    assert "disruption budget" in out
    assert "keep" in out
    assert places(service) == [NODE, OTHER]
    assert is_cordoned(cluster)
    undone = oncall.says("undo", run, "--reason", "the budget was raised meanwhile")
    assert undone.code == 0, undone.document
    assert not is_cordoned(cluster)
    assert MARK not in marks(cluster)
    assert places(service) == [NODE, OTHER]


@pytest.mark.parametrize("record", RECORDS)
def test_the_controller_is_killed_between_evictions(
    service: Service, oncall: OnCall, record: int
) -> None:
    """SIGKILL, and resumed: each pod of the node ends once, none of the new ones does."""
    cluster, before = service.cluster, uids(service)
    budget(cluster, 1)
    run = oncall.approved(*DRAIN)
    with witnessed(service) as witness:
        oncall.killed_at(run, record)
        oncall.carried_through(run)
    assert sorted(witness.ended) == sorted(before)
    assert witness.least_ready >= 1
    assert places(service) == [OTHER, OTHER]
    assert len([name for name in marks(cluster) if name != MARK]) == 1


def test_somebody_cordons_it_again_and_the_undo_leaves_it(service: Service, oncall: OnCall) -> None:
    """Our mark is left over from an uncordon by hand; the cordon since is theirs."""
    cluster = service.cluster
    run = oncall.approved(*DRAIN)
    applied = oncall.says("apply", run)
    assert applied.code == 0, applied.why
    cluster.kubectl("uncordon", NODE)
    cluster.kubectl("cordon", NODE)
    oncall.says("undo", run, "--reason", "mended")
    assert is_cordoned(cluster)


def test_a_node_that_is_lost_is_refused_with_what_has_to_be_proven(
    service: Service, oncall: OnCall
) -> None:
    """K10: its kubelet is silent. Nothing is forced, the pods stay as they are."""
    cluster, before = service.cluster, uids(service)

    def silent() -> bool:
        conditions = node(cluster)["status"]["conditions"]
        return any(c["type"] == "Ready" and c["status"] == "Unknown" for c in conditions)

    cluster.signal(f"kubelet-{NODE}", signal.SIGSTOP)
    try:
        cluster.wait("the node is lost", silent, 120)
        refused = oncall.says("plan", "high-error-rate", *DRAIN)
        told = json.dumps(refused.document)
        assert refused.code == 4, refused.document
        assert "K10" in told
        assert "prove that the machine is off" in told
        assert "node-lost" in json.dumps(oncall.says("diagnose").document)
        assert not is_cordoned(cluster)
        assert uids(service) == before
    finally:
        cluster.signal(f"kubelet-{NODE}", signal.SIGCONT)
        cluster.wait("the node is back", lambda: not silent(), 120)


def test_what_nobody_speaks_for_is_not_moved(service: Service, oncall: OnCall) -> None:
    """A pod of another namespace: K17, until its namespace is under `others`."""
    cluster = service.cluster
    cluster.kubectl("create", "namespace", "else")
    try:
        deployment = service.read()
        cluster.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "stranger", "namespace": "else"},
                "spec": {
                    "selector": deployment["spec"]["selector"],
                    "template": {
                        **deployment["spec"]["template"],
                        "spec": {
                            **deployment["spec"]["template"]["spec"],
                            "nodeSelector": {"kubernetes.io/hostname": NODE},
                        },
                    },
                },
            }
        )
        stranger = ("get", "deployment", "stranger", "-n", "else", "-o", "json")
        cluster.wait("it serves", lambda: '"availableReplicas": 1' in cluster.kubectl(*stranger))
        refused = oncall.says("plan", "high-error-rate", *DRAIN)
        told = json.dumps(refused.document)
        assert refused.code == 4, refused.document
        assert "K17" in told
        assert "K14" in told
        assert not is_cordoned(cluster)
    finally:
        cluster.kubectl("delete", "namespace", "else", "--wait")


def _members(service: Service) -> dict[str, tuple[str, bool]]:
    """The members of the StatefulSet: uid, and whether it is ready."""
    return {
        pod["metadata"]["name"]: (
            pod["metadata"]["uid"],
            any(
                one["type"] == "Ready" and one["status"] == "True"
                for one in pod["status"].get("conditions", ())
            ),
        )
        for pod in pods(service)
    }


def test_the_pod_that_holds_up_a_mended_statefulset_is_deleted(
    service: Service, tmp_path: Path
) -> None:
    """K11 of the field: a broken template, mended, and its pod stays. Exactly that one goes."""
    cluster = service.cluster
    cluster.kubectl("delete", "deployment", SCORER, "-n", NAMESPACE, "--wait")
    oncall = OnCall(cluster, tmp_path)
    oncall.inventory(workload="kind: StatefulSet, role: service")
    cluster.kubectl("apply", "-f", "-", stdin=more_roles_of_the_docs())
    tree = service.deployment("good-1")
    tree["kind"] = "StatefulSet"
    tree["spec"].pop("progressDeadlineSeconds")
    cluster.apply(tree)
    cluster.wait("both serve", lambda: [ok for _, ok in _members(service).values()] == [True] * 2)
    image = ("set", "image", f"statefulset/{SCORER}", "-n", NAMESPACE)
    cluster.kubectl(*image, f"{SCORER}={cluster.image('crash')}")
    cluster.wait("it crashes", lambda: oncall.condition() == "containers-crash")
    cluster.kubectl(*image, f"{SCORER}={cluster.image('good-2')}")
    before = _members(service)
    cluster.wait("the plan", lambda: oncall.says("plan", "high-error-rate").code == 3)
    run = oncall.approved("--branch", "delete-stuck-pod")
    with witnessed(service) as witness:
        applied = oncall.says("apply", run)
        assert applied.code == 0, applied.why
        cluster.wait("the rest follows", lambda: oncall.condition() == "rolled-out")
    stuck = before[f"{SCORER}-1"][0]
    assert witness.ended[0] == stuck
    assert witness.ended.count(stuck) == 1
    assert service.running == {cluster.images["good-2"]}
