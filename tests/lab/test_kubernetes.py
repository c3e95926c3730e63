"""A service on a real cluster: broken, rescued or rightly refused, and the world asserted.

The person on call has exactly the role of docs/kubernetes.md. Kubernetes itself is built for this
(ten minutes, cached), so all of it is left to `make test-lab`.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.kube.service import NAMESPACE, SCORER, OnCall, Service, role_of_the_docs
from tests.lab.operator import LIMIT_S

pytestmark = full_lab
ABSENT = f"sha256:{'0' * 64}"
RECORDS = range(1, 14) if os.environ.get("REMEDIATE_SOAK") else (3, 5)
"""At which record of its journal a controller is killed. A run with one write has fewer."""
LOCKED = 10
TAKEN_S = 13
"""Longer than an API server takes a token that it took before."""


@pytest.fixture
def oncall(service: Service, tmp_path: Path) -> OnCall:
    """Somebody with the role of the docs."""
    return OnCall(service.cluster, tmp_path)


def _release(service: Service, oncall: OnCall, image: str, condition: str) -> None:
    service.set_image(image)
    service.cluster.wait(condition, lambda: oncall.condition() == condition)


def test_a_release_that_crashes_goes_back(service: Service, oncall: OnCall) -> None:
    """Back to the digest that serves, each pod of it, by one write, and not a second time."""
    good, bad = service.image, service.cluster.image("crash")
    _release(service, oncall, bad, "containers-crash")
    run = oncall.approved()
    applied = oncall.says("apply", run)
    assert applied.code == 0, applied.why
    assert service.image == good
    assert service.whole()
    assert service.running == {service.cluster.images["good-1"]}
    assert len(service.claims) == 1
    again = oncall.says("apply", run)
    assert again.code == 10, again.document


def test_a_run_that_does_not_come_to_its_goal_is_taken_back(
    service: Service, oncall: OnCall
) -> None:
    """Somebody chose an image that does not work either, and stops: the former image is set."""
    first, second = service.cluster.image("crash-2"), service.cluster.image("crash")
    _release(service, oncall, first, "containers-crash")
    _release(service, oncall, second, "containers-crash")
    run = oncall.approved("--digest", service.cluster.images["crash-2"])
    with oncall.start("apply", run, "--json") as process:
        oncall.meanwhile(process, "the write", lambda: service.image == first)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=240)
    assert process.returncode == 9, out
    undone = oncall.says("undo", run, "--reason", "it crashes, too")
    assert undone.code == 0, undone.document
    assert service.image == second
    assert service.available == 2


def test_an_image_that_does_not_exist_goes_back(service: Service, oncall: OnCall) -> None:
    """The pod's own reason is in the plan, and the old pods serve throughout."""
    good = service.image
    absent = f"{good.partition('@')[0]}@{ABSENT}"
    _release(service, oncall, absent, "image-not-pulled")
    planned = oncall.says("plan", "high-error-rate")
    assert planned.code == 3, planned.document
    assert "ImagePull" in json.dumps(planned.document)
    applied = oncall.says("apply", oncall.approved())
    assert applied.code == 0, applied.why
    assert (service.image, service.available) == (good, 2)


def test_pods_that_hang_are_restarted(service: Service, oncall: OnCall) -> None:
    """Pods that run and are not ready are replaced, one at a time, by the rollout."""
    for pod in service.pods():
        service.cluster.kubectl("exec", pod, "-n", NAMESPACE, "--", "/app", "sick")
    service.cluster.wait("unready", lambda: oncall.condition() == "pods-unready")
    before = set(service.pods())
    applied = oncall.says("apply", oncall.approved())
    assert applied.code == 0, applied.why
    assert service.whole()
    assert not before & set(service.pods())


def test_what_somebody_changes_meanwhile_is_not_lost(service: Service, oncall: OnCall) -> None:
    """Refused with 6: their change stays, and nothing of ours is there."""
    bad = service.cluster.image("crash")
    _release(service, oncall, bad, "containers-crash")
    run = oncall.approved()
    service.annotate("team", "was here")
    applied = oncall.says("apply", run)
    assert applied.code == 6, applied.document
    tree = service.read()
    assert tree["spec"]["template"]["metadata"]["annotations"]["team"] == "was here"
    assert service.image == bad
    assert service.claims == {}


def test_the_api_server_dies_in_the_middle_of_the_write(service: Service, oncall: OnCall) -> None:
    """The outcome is settled by reading again: written once or never, and the run says which."""
    good, bad = service.image, service.cluster.image("crash")
    _release(service, oncall, bad, "containers-crash")
    run = oncall.approved()
    generation = service.read()["metadata"]["generation"]
    with oncall.start("apply", run, "--json") as process:
        end = time.monotonic() + 60
        while "step-starting" not in oncall.journal(run) and time.monotonic() < end:
            time.sleep(0.002)
        service.cluster.stop("kube-apiserver")
        time.sleep(2)
        service.cluster.start_apiserver()
        out, _ = process.communicate(timeout=240)
    written = service.read()["metadata"]["generation"] - generation
    assert written in (0, 1)
    assert len(service.claims) <= 1
    assert service.image == (good if written else bad)
    document = json.loads(out)
    if process.returncode == 0:
        assert written == 1, document
    else:
        assert process.returncode in (7, 8), document


@pytest.mark.parametrize("record", RECORDS)
def test_the_controller_is_killed_at_a_record(
    service: Service, oncall: OnCall, record: int
) -> None:
    """SIGKILL, and resumed: the write is there once, whatever was recorded of it."""
    good, bad = service.image, service.cluster.image("crash")
    _release(service, oncall, bad, "containers-crash")
    run = oncall.approved()
    generation = service.read()["metadata"]["generation"]
    oncall.killed_at(run, record)
    oncall.carried_through(run)
    assert service.image == good
    assert service.read()["metadata"]["generation"] == generation + 1
    assert len(service.claims) == 1
    assert service.whole()


def test_a_token_that_is_revoked_in_the_run(service: Service, oncall: OnCall) -> None:
    """After the write nothing can be seen any more, and a resume says why. With a new token it goes
    on, and writes nothing twice. The rollout waits meanwhile: the API server goes on to take a
    token for ten seconds that it took before."""
    good, bad = service.image, service.cluster.image("crash")
    _release(service, oncall, bad, "containers-crash")
    run = oncall.approved()
    generation = service.read()["metadata"]["generation"]
    service.cluster.signal("kube-controller-manager", signal.SIGSTOP)
    try:
        with oncall.start("apply", run, "--json") as process:
            oncall.meanwhile(process, "the write", lambda: service.image == good)
            service.cluster.kubectl("delete", "serviceaccount", "remediate", "-n", NAMESPACE)
            time.sleep(TAKEN_S)
            assert process.poll() is None
            process.kill()
        refused = oncall.says("resume", run)
    finally:
        service.cluster.signal("kube-controller-manager", signal.SIGCONT)
    assert refused.code == LOCKED, refused.document
    assert "401" in json.dumps(refused.document)
    service.cluster.kubectl("apply", "-f", "-", stdin=role_of_the_docs())
    oncall.new_token()
    resumed = oncall.says("resume", run)
    assert resumed.code == 0, resumed.why
    assert service.read()["metadata"]["generation"] == generation + 1
    assert service.whole()


def test_a_token_that_is_renewed_while_a_gate_waits(service: Service, oncall: OnCall) -> None:
    """The old one is revoked, and a new one stands in the kubeconfig: the run goes on by itself."""
    good, bad = service.image, service.cluster.image("crash")
    _release(service, oncall, bad, "containers-crash")
    run, old = oncall.approved(), (oncall.directory / "kubeconfig").read_text()
    generation = service.read()["metadata"]["generation"]
    service.cluster.signal("kube-controller-manager", signal.SIGSTOP)
    try:
        with oncall.start("apply", run, "--json") as process:
            oncall.meanwhile(process, "the write", lambda: service.image == good)
            service.cluster.kubectl("delete", "serviceaccount", "remediate", "-n", NAMESPACE)
            time.sleep(TAKEN_S)
            assert process.poll() is None
            service.cluster.kubectl("apply", "-f", "-", stdin=role_of_the_docs())
            oncall.new_token()
            service.cluster.signal("kube-controller-manager", signal.SIGCONT)
            out, _ = process.communicate(timeout=LIMIT_S)
    finally:
        service.cluster.signal("kube-controller-manager", signal.SIGCONT)
    assert process.returncode == 0, out
    assert service.read()["metadata"]["generation"] == generation + 1
    assert service.whole()
    (oncall.directory / "kubeconfig").write_text(old)
    assert "401" in json.dumps(oncall.says("diagnose").document)


def test_an_etcd_that_freezes_leaves_no_second_write(service: Service, oncall: OnCall) -> None:
    """The patch hangs, and may be applied late: it is applied once at most, whatever we say."""
    bad = service.cluster.image("crash")
    _release(service, oncall, bad, "containers-crash")
    run = oncall.approved()
    generation = service.read()["metadata"]["generation"]
    with oncall.start("apply", run, "--json") as process:
        end = time.monotonic() + 60
        while "step-starting" not in oncall.journal(run) and time.monotonic() < end:
            time.sleep(0.002)
        service.cluster.signal("etcd", signal.SIGSTOP)
        time.sleep(15)
        service.cluster.signal("etcd", signal.SIGCONT)
        out, _ = process.communicate(timeout=240)
    written = service.read()["metadata"]["generation"] - generation
    assert written <= 1, out
    assert (process.returncode == 0) <= (written == 1), out
    time.sleep(5)
    assert service.read()["metadata"]["generation"] - generation == written


def test_a_token_that_is_not_accepted_changes_nothing(service: Service, oncall: OnCall) -> None:
    """Expired, revoked or made up: 401 in words, and nothing is launched."""
    bad = service.cluster.image("crash")
    _release(service, oncall, bad, "containers-crash")
    run = oncall.approved()
    oncall.use_token("revoked")
    applied = oncall.says("apply", run)
    assert applied.code in (6, 11), applied.document
    assert "401" in json.dumps(applied.document)
    assert (service.image, service.claims) == (bad, {})


def test_a_right_that_is_missing_is_named(service: Service, oncall: OnCall) -> None:
    """K6 refuses, with verb and resource; `doctor` says the same."""
    _release(service, oncall, service.cluster.image("crash"), "containers-crash")
    service.cluster.kubectl(
        *("patch", "role", "remediate", "-n", NAMESPACE, "--type=json", "-p"),
        json.dumps([{"op": "replace", "path": "/rules/0/verbs", "value": ["get"]}]),
    )
    refused = oncall.says("plan", "high-error-rate")
    assert refused.code == 4, refused.document
    assert "patch deployments" in json.dumps(refused.document)
    assert "right to patch deployments" in json.dumps(oncall.says("doctor").document)


def test_a_condition_of_the_rollout_before_decides_nothing(
    service: Service, oncall: OnCall
) -> None:
    """ProgressDeadlineExceeded is left over; until the controller has seen the change, unknown."""
    _release(service, oncall, service.cluster.image("crash"), "containers-crash")
    service.cluster.wait("the deadline", service.deadline_exceeded)
    service.cluster.signal("kube-controller-manager", signal.SIGSTOP)
    try:
        service.set_image(service.cluster.image("good-2"))
        assert oncall.condition() == "generation-unseen"
        refused = oncall.says("plan", "high-error-rate")
        assert refused.code == 4, refused.document
    finally:
        service.cluster.signal("kube-controller-manager", signal.SIGCONT)
    service.cluster.wait("a healthy release", service.whole)
    assert oncall.condition() == "rolled-out"


@pytest.mark.parametrize(
    ("label", "guard"), [("argocd.argoproj.io/instance=shop", "K4"), ("", "K5")]
)
def test_what_is_not_ours_to_change_is_refused(
    service: Service, oncall: OnCall, label: str, guard: str
) -> None:
    """Owned by a GitOps controller; or a validator that its strategy would start twice."""
    _release(service, oncall, service.cluster.image("crash"), "containers-crash")
    if label:
        service.cluster.kubectl("label", "deployment", SCORER, "-n", NAMESPACE, label)
    else:
        oncall.inventory(workload="kind: Deployment, role: validator")
    generation = service.read()["metadata"]["generation"]
    refused = oncall.says("plan", "high-error-rate")
    assert refused.code == 4, refused.document
    assert guard in json.dumps(refused.document)
    assert service.read()["metadata"]["generation"] == generation


def test_a_drain_that_would_wait_for_ever_is_said_beforehand(
    service: Service, oncall: OnCall
) -> None:
    """A budget that can never allow an eviction; and the API server itself says 429."""
    service.cluster.apply(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "keep", "namespace": NAMESPACE},
            "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": SCORER}}},
        }
    )

    def said() -> bool:
        return "it can never allow one" in json.dumps(oncall.says("diagnose").document)

    service.cluster.wait("the deadlock", said)
    pod = service.pods()[0]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": NAMESPACE},
    }
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction"
    service.cluster.kubectl(
        "create", "--raw", path, "-f", "-", stdin=json.dumps(eviction), check=False
    )
    assert pod in service.pods()


@pytest.mark.parametrize(
    ("container", "condition", "why"),
    [
        ("init", "init-container-fails", "the way back keeps the init containers"),
        ("probe", "ended-by-its-probe", "killed by the same probe with any image"),
    ],
)
def test_what_no_image_mends_is_left_to_people(
    service: Service, oncall: OnCall, container: str, condition: str, why: str
) -> None:
    """An init container that fails, and a probe that ends what is not ready yet: refused, and
    nothing is written."""
    probe = {"exec": {"command": ["/app", "ready"]}, "periodSeconds": 2, "timeoutSeconds": 10}
    slow = {"livenessProbe": {**probe, "initialDelaySeconds": 6, "failureThreshold": 2}}
    waits = {"name": SCORER, "env": [{"name": "MODE", "value": "unready"}], **slow}
    patched = {
        "init": {"initContainers": [{"name": "loads", "image": service.cluster.image("crash")}]},
        "probe": {"containers": [waits]},
    }[container]
    patch = json.dumps({"spec": {"template": {"spec": patched}}})
    service.cluster.kubectl("patch", "deployment", SCORER, "-n", NAMESPACE, "-p", patch)
    service.cluster.wait(condition, lambda: oncall.condition() == condition)
    before = service.read()["metadata"]["generation"]
    refused = oncall.says("plan", "high-error-rate")
    assert refused.code == 4, refused.document
    assert why in refused.why
    assert service.read()["metadata"]["generation"] == before
    assert service.available == 2
