"""A service on a real cluster is scaled within what people declared, or refused.

The person on call has exactly the role of docs/kubernetes.md. All of it is left to
`make test-lab`: it needs a cluster of its own.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.kube.cluster import Cluster
from tests.lab.kube.drained import NODE, places, uids, witnessed
from tests.lab.kube.service import NAMESPACE, SCORER, WORKLOAD, OnCall, Service
from tests.lab.operator import LIMIT_S

pytestmark = full_lab
DECLARED = "normal: 2, max: 4, cost: one pod of a tenth of a processor each"
ANY, CLASS = f"{DECLARED}, class: any", f"{DECLARED}, class: {{cpu: avx2}}"
RECORDS = range(1, 14) if os.environ.get("REMEDIATE_SOAK") else (5,)
"""At which record of its journal a controller is killed. A run with one write has thirteen."""


@pytest.fixture(scope="module")
def cluster(cluster: Cluster) -> Cluster:
    """One of its nodes has the processors of the class."""
    cluster.kubectl("label", "node", NODE, "cpu=avx2")
    return cluster


@pytest.fixture
def oncall(service: Service, tmp_path: Path) -> OnCall:
    """Somebody with the role of the docs; any processors will do."""
    oncall = OnCall(service.cluster, tmp_path)
    _declare(oncall, ANY)
    return oncall


def _declare(oncall: OnCall, scale: str) -> None:
    oncall.inventory(workload=f"{WORKLOAD}, scale: {{{scale}}}")


def _generation(service: Service) -> int:
    return int(service.read()["metadata"]["generation"])


def _wanted(service: Service) -> int:
    return int(service.read()["spec"]["replicas"])


def _refused(oncall: OnCall, replicas: int) -> str:
    refused = oncall.says("plan", "high-error-rate", "--replicas", str(replicas))
    assert refused.code == 4, refused.document
    return json.dumps(refused.document)


def _bind(service: Service) -> None:
    """Its pods may only be on nodes of the class."""
    pods = {"spec": {"nodeSelector": {"cpu": "avx2"}}}
    patch = json.dumps({"spec": {"template": pods}})
    service.cluster.kubectl("patch", "deployment", SCORER, "-n", NAMESPACE, "-p", patch)
    service.cluster.wait(
        "all on the class", lambda: service.whole() and places(service) == [NODE] * 2
    )


def test_it_is_scaled_up_within_its_class_and_back(service: Service, oncall: OnCall) -> None:
    """The pods that serve are left alone, the new ones are on the class, by one write each."""
    _declare(oncall, CLASS)
    _bind(service)
    before, generation = uids(service), _generation(service)
    planned = oncall.says("plan", "high-error-rate", "--replicas", "4")
    assert planned.code == 3, planned.document
    told = json.dumps(planned.document, ensure_ascii=False)
    assert "it costs: one pod of a tenth of a processor each" in told
    assert "spec.replicas: 2 → 4" in told
    run = oncall.approved("--replicas", "4")
    with witnessed(service) as witness:
        applied = oncall.says("apply", run)
        assert applied.code == 0, applied.why
    assert (service.available, _generation(service)) == (4, generation + 1)
    assert service.whole()
    assert places(service) == [NODE] * 4
    assert before < uids(service)
    assert witness.ended == []
    assert len(service.claims) == 1
    again = oncall.says("apply", run)
    assert again.code == 10, again.document
    back = oncall.says("apply", oncall.approved("--replicas", "2"))
    assert back.code == 0, back.why
    service.cluster.wait("two pods", lambda: len(uids(service)) == 2)
    assert (service.available, _generation(service)) == (2, generation + 2)


@pytest.mark.parametrize(
    ("replicas", "scale", "guard", "got"),
    [
        (5, ANY, "K23", "5 replicas"),
        (1, ANY, "K23", "1 replicas"),
        (2, ANY, "K23", "2 replicas are wanted already"),
        (3, CLASS, "K24", "its template binds its pods to no nodes"),
    ],
)
def test_what_nobody_declared_is_refused(
    service: Service, oncall: OnCall, replicas: int, scale: str, guard: str, got: str
) -> None:
    """K23 and K24, and nothing is written."""
    _declare(oncall, scale)
    generation, before = _generation(service), uids(service)
    told = _refused(oncall, replicas)
    assert guard in told
    assert got in told
    assert (_generation(service), service.claims) == (generation, {})
    assert uids(service) == before


def test_an_autoscaler_owns_the_number(service: Service, oncall: OnCall) -> None:
    """K4, also for one that comes after the approval: two that set one number undo each other."""
    run = oncall.approved("--replicas", "3")
    generation = _generation(service)
    service.cluster.apply(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "auto", "namespace": NAMESPACE},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": SCORER},
                "minReplicas": 1,
                "maxReplicas": 3,
            },
        }
    )
    applied = oncall.says("apply", run)
    assert applied.code in (4, 6), applied.document
    told = _refused(oncall, 3)
    assert "K4" in told
    assert "HorizontalPodAutoscaler" in told
    assert (_generation(service), service.claims) == (generation, {})


def test_somebody_scales_it_meanwhile(service: Service, oncall: OnCall) -> None:
    """Refused with 6: their number stays."""
    run = oncall.approved("--replicas", "4")
    service.cluster.kubectl(
        "scale", "deployment", SCORER, "-n", NAMESPACE, "--replicas=3", "--current-replicas=2"
    )
    service.cluster.wait("three", lambda: service.available == 3)
    applied = oncall.says("apply", run)
    assert applied.code == 6, applied.document
    assert (_wanted(service), service.claims) == (3, {})


def test_no_room_for_the_new_pods_is_taken_back(service: Service, oncall: OnCall) -> None:
    """A quota keeps the fourth out: the gate says so, the two serve on, and undo sets two."""
    service.cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "few", "namespace": NAMESPACE},
            "spec": {"hard": {"pods": "3"}},
        }
    )
    before = uids(service)
    run = oncall.approved("--replicas", "4")
    with witnessed(service) as witness:
        with oncall.start("apply", run, "--json") as process:
            oncall.meanwhile(process, "as many as there is room", lambda: service.available == 3)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 9, out
        undone = oncall.says("undo", run, "--reason", "there is no room")
        assert undone.code == 0, undone.document
        service.cluster.wait("two", lambda: len(uids(service)) == 2 and service.whole())
    assert _wanted(service) == 2
    assert witness.least_ready >= 2
    assert before & uids(service)


@pytest.mark.parametrize("record", RECORDS)
def test_the_controller_is_killed_at_a_record(
    service: Service, oncall: OnCall, record: int
) -> None:
    """SIGKILL, and resumed: the write is there once, whatever was recorded of it."""
    generation = _generation(service)
    run = oncall.approved("--replicas", "3")
    oncall.killed_at(run, record)
    oncall.carried_through(run)
    assert (_generation(service), service.available) == (generation + 1, 3)
    assert len(service.claims) == 1
