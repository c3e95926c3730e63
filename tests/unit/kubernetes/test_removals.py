"""Pods are taken away once at most, by uid, and never for as long as a budget says no."""

from __future__ import annotations

import asyncio

import pytest

from remediations.engine.apply.driver import (
    AlreadyClaimed,
    Fence,
    FencedOut,
    LaunchFailed,
    NoAnswer,
    NotLaunched,
    ProbeState,
    StepId,
)
from remediations.engine.plan.plan import Fidelity, Step
from remediations.systems.kubernetes import removals
from remediations.systems.kubernetes.api import ApiError, KubernetesApi, Request
from remediations.systems.kubernetes.driver import KubernetesDriver
from remediations.systems.kubernetes.node_steps import CORDON, UNCORDON
from remediations.systems.kubernetes.parse_nodes import CORDONED
from remediations.systems.kubernetes.removal_steps import DELETE, EVICT, Removal
from remediations.systems.kubernetes.steps import compile_writes
from remediations.values.reading import Why
from tests.unit.kubernetes.fake_api import CLUSTER, FakeApi, Tree
from tests.unit.kubernetes.fake_nodes import pod_path, two_nodes
from tests.unit.kubernetes.test_driver import _Reach

STEP = StepId(plan="d" * 64, step="2-0")
TARGET = "pod/scoring/p1"
POD, NODE = pod_path("p1"), "/api/v1/nodes/n1"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """A cluster with a pod on each of two nodes; a budget is asked again at once."""
    fake = two_nodes()
    monkeypatch.setattr(KubernetesApi, "connect", lambda _entry: fake)
    monkeypatch.setattr(removals, "ASK_AGAIN_S", 0.001)
    monkeypatch.setattr(removals, "PAUSE_S", 0.001)
    return fake


@pytest.fixture
def driver(api: FakeApi) -> KubernetesDriver:
    """One controller's driver."""
    return KubernetesDriver(_Reach())


def work(deploy: str = EVICT, target: str = TARGET, **other: str) -> Step:
    """A step as it stands in a plan."""
    pod = {"namespace": "scoring", "name": "p1", "uid": "uid-of-p1", "node": "n1"}
    node = {"name": "n1", "uid": "uid-of-n1", "preview": "x"}
    data = {"cluster": CLUSTER, **(pod if deploy in (EVICT, DELETE) else node), **other}
    (made,) = compile_writes(deploy, {target: data})[target]
    return Step(
        id="2-0",
        driver="kubernetes",
        target=target,
        action=deploy,
        operation=made.operation,
        payload=made.payload,
        shown=made.shown,
        timeout_s=made.timeout_s,
        fidelity=Fidelity.EXACT,
        probe=made.probe,
        undo=made.undo,
    )


def launched(driver: KubernetesDriver, step: Step, *fences: Fence, name: StepId = STEP) -> None:
    """Launch it."""
    asyncio.run(driver.launch(name, step, fences))


def meta(api: FakeApi, path: str = POD) -> Tree:
    """The metadata of an object."""
    found: Tree = api.objects[path]["metadata"]
    return found


@pytest.mark.parametrize("how", [EVICT, DELETE])
def test_the_bytes_name_the_pod_and_force_nothing(how: str) -> None:
    """Its uid is a precondition, its grace period its own."""
    removal = Removal.parse(work(how).payload)
    assert removal.payload == work(how).payload
    body = removal.request("3").body
    options = body.get("deleteOptions", body)
    assert options["preconditions"] == {"uid": "uid-of-p1", "resourceVersion": "3"}
    assert "grace" not in work(how).payload
    assert "force" not in work(how).payload


@pytest.mark.parametrize("how", [EVICT, DELETE])
def test_a_pod_is_taken_away_once(api: FakeApi, driver: KubernetesDriver, how: str) -> None:
    """A second launch, from another machine, too, asks for nothing."""
    api.objects[POD]["status"]["conditions"][0]["status"] = "False"
    launched(driver, work(how))
    launched(KubernetesDriver(_Reach()), work(how))
    assert api.writes == 1
    assert asyncio.run(driver.probe(STEP, work(how))).state is ProbeState.DONE
    assert asyncio.run(driver.holds(work(how))) is True


def test_a_pod_that_has_gone_needs_nothing(api: FakeApi, driver: KubernetesDriver) -> None:
    """Nor does one that was made again under its name."""
    api.objects[POD]["metadata"]["uid"] = "another"
    launched(driver, work())
    del api.objects[POD]
    launched(driver, work())
    assert api.writes == 0
    assert asyncio.run(driver.probe(STEP, work())).output == "pods/p1 in scoring has gone"


@pytest.mark.parametrize(
    ("how", "spec", "said"),
    [
        (EVICT, {"nodeName": "n2"}, "it is on n2, expected n1"),
        (EVICT, {"terminationGracePeriodSeconds": 0}, "forced deletion"),
        (DELETE, {}, "it is ready now"),
    ],
)
def test_what_is_not_as_planned_is_left(
    api: FakeApi, driver: KubernetesDriver, how: str, spec: Tree, said: str
) -> None:
    """Proof that nothing was done, and why."""
    api.objects[POD]["spec"].update(spec)
    with pytest.raises(NotLaunched, match=said):
        launched(driver, work(how))
    assert api.writes == 0
    assert asyncio.run(driver.holds(work(how))) is False


def test_a_budget_is_asked_again_and_then_named(
    api: FakeApi, driver: KubernetesDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step has not started, and nothing of ours is on the pod."""
    monkeypatch.setattr(removals, "WAIT_S", 0.05)
    api.budget_says_no = True
    with pytest.raises(NotLaunched, match=r"disruption budget said no .* budget keep needs 2"):
        launched(driver, work())
    assert "deletionTimestamp" not in meta(api)
    assert asyncio.run(driver.probe(STEP, work())).state is ProbeState.NOT_STARTED


def test_a_budget_that_lets_it_go_meanwhile(api: FakeApi, driver: KubernetesDriver) -> None:
    """A replica elsewhere has become ready."""
    tries = iter(range(9))
    api.budget_says_no = True

    def later(request: Request) -> None:
        if request.path.endswith("/eviction"):
            api.budget_says_no = next(tries) < 3

    api.before = later
    launched(driver, work())
    assert "deletionTimestamp" in meta(api)


def _moved(api: FakeApi) -> None:
    meta(api)["resourceVersion"] = str(int(meta(api)["resourceVersion"]) + 1)


def test_a_pod_whose_status_moves_is_read_again(api: FakeApi, driver: KubernetesDriver) -> None:
    """What goes is what was compared; a pod that never stands still is left."""
    left = iter([True, True])
    api.before = lambda _request: _moved(api) if next(left, False) else None
    launched(driver, work())
    assert api.writes == 1
    meta(api).pop("deletionTimestamp")
    api.before = lambda _request: _moved(api)
    with pytest.raises(NotLaunched, match="moves too fast"):
        launched(driver, work())


def test_a_late_request_finds_a_void_step(api: FakeApi, driver: KubernetesDriver) -> None:
    """It hung at the API server; meanwhile the step was voided. Its version is gone."""
    kept: list[Request] = []

    def hangs(request: Request) -> None:
        kept.append(request)
        raise ApiError("lost", why=Why.TIME_LIMIT, sent=True)

    api.before = hangs
    with pytest.raises(NoAnswer):
        launched(driver, work())
    api.before = lambda _request: None
    assert asyncio.run(driver.void(STEP, work(), ())).state is ProbeState.VOIDED
    with pytest.raises(ApiError, match="409"):
        api.ask(kept[0])
    with pytest.raises(AlreadyClaimed):
        launched(driver, work())
    assert "deletionTimestamp" not in meta(api)


def test_what_ends_is_not_voided(api: FakeApi, driver: KubernetesDriver) -> None:
    """Its state is told instead."""
    launched(driver, work())
    assert asyncio.run(driver.void(STEP, work(), ())).state is ProbeState.DONE


@pytest.mark.parametrize(
    ("status", "sent", "expected"),
    [
        (403, False, NotLaunched),
        (500, True, LaunchFailed),
        (0, False, NotLaunched),
        (0, True, NoAnswer),
    ],
)
def test_what_a_failure_proves(
    api: FakeApi, driver: KubernetesDriver, status: int, sent: bool, expected: type[Exception]
) -> None:
    """A refusal proves that nothing was done; a failure and silence prove nothing."""

    def fails(_request: Request) -> None:
        raise ApiError("no", why=Why.FAILED, status=status, sent=sent)

    api.before = fails
    with pytest.raises(expected):
        launched(driver, work())


def test_another_cluster_is_not_touched(api: FakeApi, driver: KubernetesDriver) -> None:
    """Its identity is in the bytes."""
    with pytest.raises(NotLaunched, match="is not here"):
        launched(driver, work(cluster="another"))
    with pytest.raises(NoAnswer):
        asyncio.run(driver.probe(STEP, work(cluster="another")))
    assert api.writes == 0


def test_a_fence_that_was_lost_stops_it(api: FakeApi, driver: KubernetesDriver) -> None:
    """Also in the middle of waiting for a budget."""
    fence = Fence(resource="kubernetes/c/scoring", number=1, plan="d" * 64, token="0" * 16)
    with pytest.raises(FencedOut):
        launched(driver, work(), fence)
    assert api.writes == 0


def test_a_cordon_has_claim_and_mark_in_one_write(api: FakeApi, driver: KubernetesDriver) -> None:
    """And a node that somebody has cordoned is left."""
    step = work(CORDON, "node/n1")
    launched(driver, step)
    assert api.objects[NODE]["spec"]["unschedulable"] is True
    assert set(meta(api, NODE)["annotations"]) == {CORDONED, f"remediate/claim-{'d' * 16}-2-0"}
    assert api.writes == 1
    other = StepId(plan="e" * 64, step="1-0")
    with pytest.raises(NotLaunched, match="somebody has changed it"):
        launched(driver, step, name=other)


def _owned_by(manager: str) -> list[Tree]:
    return [{"manager": manager, "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}]


def test_only_our_own_cordon_is_taken_back(api: FakeApi, driver: KubernetesDriver) -> None:
    """Somebody has uncordoned the node and cordoned it again: our mark is left over."""
    launched(driver, work(CORDON, "node/n1"))
    back, name = work(UNCORDON, "node/n1"), StepId(plan="d" * 64, step="5-0")
    meta(api, NODE)["managedFields"] = _owned_by("kubectl-cordon")
    assert asyncio.run(driver.holds(work(CORDON, "node/n1"))) is False
    with pytest.raises(NotLaunched, match="somebody has made another one"):
        launched(driver, back, name=name)
    meta(api, NODE)["managedFields"] = _owned_by("remediate")
    assert asyncio.run(driver.holds(work(CORDON, "node/n1"))) is True
    launched(driver, back, name=name)
    assert "unschedulable" not in api.objects[NODE]["spec"]
    assert CORDONED not in meta(api, NODE)["annotations"]
    assert asyncio.run(driver.holds(back)) is True
