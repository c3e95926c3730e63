"""The driver: at most once, nothing lost, and never started is final."""

from __future__ import annotations

import asyncio
from typing import Any

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
from remediations.systems.kubernetes.api import ApiError, KubernetesApi, Request
from remediations.systems.kubernetes.driver import ATTEMPTS, KubernetesDriver
from remediations.systems.kubernetes.fence import ConfigMapFences
from remediations.systems.kubernetes.inventory import ClusterEntry
from remediations.systems.kubernetes.steps import IMAGE, IMAGE_BACK, RESTART, compile_writes
from remediations.values.inventory import Inventory
from remediations.values.part import Part
from remediations.values.reading import Why
from tests.unit.kubernetes.fake_api import BAD, CLUSTER, GOOD, SCORER, SCORER_ENTRY, UID, FakeApi

STEP = StepId(plan="d" * 64, step="1-0")
CLAIMED = f"remediate/claim-{'d' * 16}-1-0"
TARGET = "deployment/scorer"
ENTRY = ClusterEntry(
    kubeconfig="/nowhere",
    context=None,
    namespace="scoring",
    owner_period_s=0,
    workloads=(SCORER_ENTRY,),
)
INVENTORY = Inventory(
    path="", ssh_config=None, allowed_signers=None, parts=(Part.of(ENTRY),), hosts=()
)


class _Reach:
    inventory = INVENTORY


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """The API server that everything here talks to."""
    fake = FakeApi()
    monkeypatch.setattr(KubernetesApi, "connect", lambda _entry: fake)
    return fake


@pytest.fixture
def driver(api: FakeApi) -> KubernetesDriver:
    """One controller's driver."""
    return KubernetesDriver(_Reach())


def work(deploy: str = IMAGE, **other: str) -> Step:
    """A step as it stands in a plan."""
    data = {
        "cluster": CLUSTER,
        "namespace": "scoring",
        "kind": "Deployment",
        "name": "scorer",
        "uid": UID,
        "generation": "7",
        "container": "scorer",
        "from_image": BAD,
        "to_image": GOOD,
        **other,
    }
    (made,) = compile_writes(deploy, {TARGET: data})[TARGET]
    return Step(
        id="1-0",
        driver="kubernetes",
        target=TARGET,
        action="workload.image",
        operation=made.operation,
        payload=made.payload,
        shown=made.shown,
        timeout_s=made.timeout_s,
        fidelity=Fidelity.EXACT,
        probe=made.probe,
        undo=made.undo,
    )


def image_of(api: FakeApi) -> str:
    """What the template names now."""
    return str(api.objects[SCORER]["spec"]["template"]["spec"]["containers"][0]["image"])


def launched(driver: KubernetesDriver, step: Step, *fences: Fence) -> None:
    """Launch it."""
    asyncio.run(driver.launch(STEP, step, fences))


def test_claim_and_effect_are_one_write(api: FakeApi, driver: KubernetesDriver) -> None:
    """One patch has the image and the claim."""
    launched(driver, work())
    assert (image_of(api), api.writes) == (GOOD, 1)
    assert list(api.objects[SCORER]["metadata"]["annotations"]) == [CLAIMED]
    assert asyncio.run(driver.probe(STEP, work())).state is ProbeState.DONE


def test_a_second_launch_is_refused(api: FakeApi, driver: KubernetesDriver) -> None:
    """From another machine, too: the claim is on the object."""
    launched(driver, work())
    with pytest.raises(AlreadyClaimed):
        launched(KubernetesDriver(_Reach()), work())
    assert api.writes == 1


@pytest.mark.parametrize(
    ("key", "value"), [("generation", 8), ("uid", "another")], ids=["changed", "made again"]
)
def test_what_was_changed_is_not_patched(
    api: FakeApi, driver: KubernetesDriver, key: str, value: object
) -> None:
    """Another generation or another object: proof that nothing was done."""
    api.objects[SCORER]["metadata"][key] = value
    with pytest.raises(NotLaunched, match="somebody has changed it"):
        launched(driver, work())
    assert api.writes == 0


def test_a_change_between_reading_and_patching_is_not_lost(
    api: FakeApi, driver: KubernetesDriver
) -> None:
    """The API server refuses the version that was read; it is read and compared again."""

    def somebody(_request: Request) -> None:
        api.touch()
        api.objects[SCORER]["metadata"]["generation"] = 8

    api.before = somebody
    with pytest.raises(NotLaunched, match="somebody has changed it"):
        launched(driver, work())
    assert (image_of(api), api.writes) == (BAD, 0)


def test_a_status_that_moves_does_not_stop_a_step(api: FakeApi, driver: KubernetesDriver) -> None:
    """A rollout in trouble writes its status all the time: the patch is tried again."""
    left = iter([True, True])
    api.before = lambda _request: api.touch() if next(left, False) else None
    launched(driver, work())
    assert (image_of(api), api.writes) == (GOOD, 1)


def test_attempts_end(api: FakeApi, driver: KubernetesDriver) -> None:
    """An object that never stands still is not patched, and that is proven."""
    api.before = lambda _request: api.touch()
    with pytest.raises(NotLaunched, match=f"each of {ATTEMPTS} attempts"):
        launched(driver, work())


def _lost(_request: Request) -> None:
    raise ApiError("lost", why=Why.TIME_LIMIT, sent=True)


@pytest.mark.parametrize("applied", [True, False])
def test_a_patch_without_an_answer_is_settled_by_reading(
    api: FakeApi, driver: KubernetesDriver, applied: bool
) -> None:
    """It was applied, or not: the object says so."""
    if applied:
        api.after = _lost
    else:
        api.before = _lost
    with pytest.raises(NoAnswer):
        launched(driver, work())
    found = asyncio.run(driver.probe(STEP, work())).state
    assert found is (ProbeState.DONE if applied else ProbeState.NOT_STARTED)


def test_a_late_patch_finds_a_void_step(api: FakeApi, driver: KubernetesDriver) -> None:
    """It hung at the API server; meanwhile the step was voided. Its version is gone."""
    kept: list[Request] = []

    def hangs(request: Request) -> None:
        kept.append(request)
        _lost(request)

    api.before = hangs
    with pytest.raises(NoAnswer):
        launched(driver, work())
    api.before = lambda _request: None
    assert asyncio.run(driver.void(STEP, work(), ())).state is ProbeState.VOIDED
    with pytest.raises(ApiError, match="409"):
        api.ask(kept[0])
    assert image_of(api) == BAD
    with pytest.raises(AlreadyClaimed):
        launched(driver, work())


def test_what_has_started_is_not_voided(api: FakeApi, driver: KubernetesDriver) -> None:
    """Its state is told instead."""
    launched(driver, work())
    assert asyncio.run(driver.void(STEP, work(), ())).state is ProbeState.DONE


@pytest.mark.parametrize(
    ("status", "sent", "expected"),
    [
        (403, False, NotLaunched),
        (401, False, NotLaunched),
        (422, False, NotLaunched),
        (429, False, NotLaunched),
        (500, True, LaunchFailed),
        (0, False, NotLaunched),
        (0, True, NoAnswer),
    ],
)
def test_what_a_failure_proves(
    api: FakeApi, driver: KubernetesDriver, status: int, sent: bool, expected: type[Exception]
) -> None:
    """A refusal proves that nothing was changed; a failure and silence prove nothing."""

    def fails(_request: Request) -> None:
        raise ApiError("no", why=Why.FAILED, status=status, sent=sent)

    api.before = fails
    with pytest.raises(expected):
        launched(driver, work())


def test_another_cluster_is_not_touched(api: FakeApi, driver: KubernetesDriver) -> None:
    """The kubeconfig was changed since: the cluster's identity is in the bytes."""
    with pytest.raises(NotLaunched, match="is not here"):
        launched(driver, work(cluster="another"))
    assert api.writes == 0


def test_an_object_that_is_gone_can_never_start(api: FakeApi, driver: KubernetesDriver) -> None:
    """No patch of its uid can arrive."""
    del api.objects[SCORER]
    assert asyncio.run(driver.probe(STEP, work())).state is ProbeState.VOIDED
    assert asyncio.run(driver.holds(work())) is False


def test_the_way_back_needs_the_image_and_no_generation(
    api: FakeApi, driver: KubernetesDriver
) -> None:
    """The generation has moved by then; what stands there decides."""
    launched(driver, work())
    back = StepId(plan="d" * 64, step="2-0")
    asyncio.run(driver.launch(back, work(IMAGE_BACK), ()))
    assert image_of(api) == BAD
    assert asyncio.run(driver.holds(work(IMAGE_BACK))) is True


def test_a_restart_leaves_the_image(api: FakeApi, driver: KubernetesDriver) -> None:
    """Only an annotation of the template is set."""
    launched(driver, work(RESTART))
    notes = api.objects[SCORER]["spec"]["template"]["metadata"]["annotations"]
    assert notes == {"remediate/restarted": "generation-7"}
    assert image_of(api) == BAD
    assert asyncio.run(driver.holds(work(RESTART))) is True


def test_old_claims_go(api: FakeApi, driver: KubernetesDriver) -> None:
    """Those of a week ago are removed with the next step, newer ones and others' notes stay."""
    api.objects[SCORER]["metadata"]["annotations"] = {
        "remediate/claim-old-1-0": "launched 2020-01-01T00:00:00+00:00",
        "remediate/claim-odd-1-0": "what",
        "team": "shop",
    }
    launched(driver, work())
    left = set(api.objects[SCORER]["metadata"]["annotations"])
    assert left == {"remediate/claim-odd-1-0", "team", CLAIMED}


def _fence(number: int, plan: str = "d" * 64) -> Fence:
    return Fence(resource="kubernetes/c/scoring", number=number, plan=plan, token="0" * 16)


def _fences(api: FakeApi) -> ConfigMapFences:
    async def connected() -> Any:  # noqa: ANN401 - a fake
        return api

    return ConfigMapFences(connected, lambda: ENTRY)


def test_the_fence_is_taken_by_one(api: FakeApi, driver: KubernetesDriver) -> None:
    """All targets of one plan share it; another plan is refused, and so is its step."""
    fences = _fences(api)
    asyncio.run(fences.take_fence(TARGET, _fence(1), 0, "ops"))
    asyncio.run(fences.take_fence("deployment/other", _fence(1), 0, "ops"))
    with pytest.raises(FencedOut):
        asyncio.run(fences.take_fence(TARGET, _fence(2, "e" * 64), 0, "others"))
    with pytest.raises(FencedOut):
        launched(driver, work(), _fence(2, "e" * 64))
    launched(driver, work(), _fence(1))
    asyncio.run(fences.give_fence(TARGET, _fence(1)))
    record = asyncio.run(fences.read_fence(TARGET, "kubernetes/c/scoring"))
    assert (record.number, record.held, record.text) == (1, False, "ops")


def test_a_stolen_fence_stops_its_holder(api: FakeApi, driver: KubernetesDriver) -> None:
    """The revived controller can do nothing, and cannot void either."""
    fences = _fences(api)
    asyncio.run(fences.take_fence(TARGET, _fence(1), 0, "ops"))
    asyncio.run(fences.steal_fence(TARGET, "kubernetes/c/scoring", 2, "others"))
    with pytest.raises(FencedOut):
        launched(driver, work(), _fence(1))
    with pytest.raises(FencedOut):
        asyncio.run(driver.void(STEP, work(), (_fence(1),)))
    with pytest.raises(FencedOut):
        asyncio.run(fences.steal_fence(TARGET, "kubernetes/c/scoring", 2, "late"))
