"""Which condition a workload has, which branch fits, and what it proposes."""

from __future__ import annotations

from typing import Any

import pytest

from remediations.engine.domain import Proposal
from remediations.engine.find.finding import Health
from remediations.engine.plan.plan import Gate, Risk
from remediations.playbooks.service.actions import SET_IMAGE, SET_IMAGE_BACK, service_facts
from remediations.playbooks.service.conditions import WorkloadCondition
from remediations.playbooks.service.finding import conclude
from remediations.playbooks.service.gates import (
    RolledOut,
    ServiceBefore,
    baseline,
    judge_rollout,
    look_at,
)
from remediations.playbooks.service.high_error_rate import PLAYBOOK
from remediations.systems.kubernetes.steps import Write, compile_writes
from remediations.values.part import Part
from tests.unit.kubernetes.fake_api import BAD, GOOD, FakeApi, Tree, pod, replica_set
from tests.unit.kubernetes.test_pods import LOOPS, killed, waiting
from tests.unit.playbooks.service.namespaces import (
    TARGET,
    Change,
    broken_release,
    denied,
    hanging,
    nothing,
    serving,
    situation_of,
    spec,
    status,
)

_, _, BACK, RESTART, _ = PLAYBOOK.branches
OTHER = f"registry.example.org/scorer@sha256:{'c' * 64}"
DIGEST = GOOD.partition("@")[2]


def _skewed(api: FakeApi) -> None:
    api.lists["pods"][1] = pod("p2", "old", BAD)


def last_pod(tree: Tree) -> Change:
    """That pod in the place of the one that is not ready."""

    def change(api: FakeApi) -> None:
        api.lists["pods"][-1] = tree

    return change


@pytest.mark.parametrize(
    ("api", "change", "condition", "health"),
    [
        (serving(), nothing, WorkloadCondition.WELL, Health.WELL),
        (serving(), _skewed, WorkloadCondition.SKEW, Health.DEGRADED),
        (serving(), status(observedGeneration=6), WorkloadCondition.UNSEEN, Health.UNKNOWN),
        (serving(), spec(replicas=0), WorkloadCondition.NONE_WANTED, Health.DOWN),
        (serving(), spec(paused=True), WorkloadCondition.PAUSED, Health.DEGRADED),
        (serving(), status(updatedReplicas=1), WorkloadCondition.ROLLING, Health.DEGRADED),
        (broken_release(), nothing, WorkloadCondition.CRASHES, Health.DEGRADED),
        (broken_release("ImagePullBackOff"), nothing, WorkloadCondition.NO_IMAGE, Health.DEGRADED),
        (broken_release("ErrImagePull"), nothing, WorkloadCondition.NO_IMAGE, Health.DEGRADED),
        (broken_release(), last_pod(waiting(LOOPS)), WorkloadCondition.INIT_FAILS, Health.DEGRADED),
        (broken_release(), last_pod(killed()), WorkloadCondition.PROBED, Health.DEGRADED),
        (hanging(), nothing, WorkloadCondition.UNREADY, Health.DOWN),
        (serving(), denied("list pods in scoring"), WorkloadCondition.UNREAD, Health.UNKNOWN),
    ],
)
def test_a_condition(
    api: FakeApi, change: Change, condition: WorkloadCondition, health: Health
) -> None:
    """The gravest, with the pods' own reason; and what it means for the whole."""
    change(api)
    finding = conclude(situation_of(api))
    (subject,) = finding.subjects
    assert (subject.condition, subject.health, finding.health) == (condition, health, health)
    assert finding.next_step


@pytest.mark.parametrize(
    ("tree", "why"),
    [
        (waiting(LOOPS), "the way back keeps the init containers"),
        (killed(), "killed by the same probe with any image"),
    ],
    ids=["init", "probe"],
)
def test_what_no_image_mends_is_left_to_people(tree: Tree, why: str) -> None:
    """K14, and an init container: neither back to another image, nor a restart."""
    api = broken_release()
    last_pod(tree)(api)
    service = situation_of(api)
    assert why in str(BACK.fits(service))
    assert RESTART.fits(service) is not None
    (subject,) = conclude(service).subjects
    assert subject.by_hand


def test_one_that_crashes_beside_is_a_broken_release() -> None:
    """A probe that ends some pods does not explain the others."""
    api = broken_release()
    api.lists["pods"].append(killed())
    assert BACK.fits(situation_of(api)) is None


def test_a_condition_that_is_left_over_is_not_believed() -> None:
    """ProgressDeadlineExceeded of the rollout before, and the controller has not looked yet."""
    api = serving()
    left_over = [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]
    status(observedGeneration=6, conditions=left_over)(api)
    assert BACK.fits(situation_of(api)) is not None
    (subject,) = conclude(situation_of(api)).subjects
    assert subject.condition == WorkloadCondition.UNSEEN


def test_back_to_what_serves() -> None:
    """The image with which pods of the former template serve, and the bytes that set it."""
    service = situation_of(broken_release())
    assert BACK.fits(service) is None
    proposal = BACK.propose(service)
    assert proposal.targets == (TARGET,)
    facts = {
        one.name: one.value for one in (*service_facts(service), *SET_IMAGE.facts(service, TARGET))
    }
    (step,) = compile_writes(SET_IMAGE.deploy, {TARGET: SET_IMAGE.data(facts, TARGET)})[TARGET]
    write = Write.parse(step.payload)
    assert write.expect["/metadata/generation"] == 7
    assert list(write.effect.values()) == [GOOD]
    assert f"{BAD} → {GOOD}" in step.shown
    (back,) = compile_writes(SET_IMAGE_BACK.deploy, {TARGET: SET_IMAGE_BACK.data(facts, TARGET)})[
        TARGET
    ]
    assert list(Write.parse(back.payload).effect.values()) == [BAD]


@pytest.mark.parametrize(
    ("change", "told", "reason"),
    [
        (lambda api: api.lists["replicasets"].pop(0), {}, "no ReplicaSet has the same template"),
        (
            lambda api: api.lists["replicasets"].append(replica_set("mid", OTHER, 1)),
            {},
            "nothing says which",
        ),
        (lambda api: api.lists["replicasets"][0]["status"].clear(), {}, "nothing says which"),
        (nothing, {"digest": OTHER.partition("@")[2]}, "none of its ReplicaSets"),
        (
            lambda api: api.lists["replicasets"].__setitem__(
                0, replica_set("old", GOOD, 2, args=["--other"])
            ),
            {},
            "changes more than the image",
        ),
        (
            lambda api: api.lists["replicasets"].__setitem__(0, replica_set("old", "scorer:1", 2)),
            {},
            "a tag is no version",
        ),
    ],
    ids=["no other", "two serve", "none serves", "not its own", "more than the image", "a tag"],
)
def test_no_way_back_is_refused_with_its_reason(
    change: Change, told: dict[str, Any], reason: str
) -> None:
    """Nothing is guessed: neither by age, nor by number, nor by a tag."""
    api = broken_release()
    change(api)
    refusal = BACK.fits(situation_of(api, **told))
    assert refusal is not None
    assert reason in refusal


@pytest.mark.parametrize("told", [{"digest": DIGEST}, {"good": DIGEST}])
def test_somebody_vouches_for_an_image(told: dict[str, Any]) -> None:
    """A person, or the inventory, where two serve."""
    api = broken_release()
    api.lists["replicasets"].append(replica_set("mid", OTHER, 1))
    service = situation_of(api, **told)
    assert BACK.fits(service) is None
    good = service.last_good(service.workload(TARGET))
    assert good is not None
    assert good.image == GOOD


def test_what_crashes_is_not_restarted() -> None:
    """The kubelet does that already."""
    assert RESTART.fits(situation_of(broken_release())) is not None
    assert RESTART.fits(situation_of(hanging())) is None


@pytest.mark.parametrize(
    ("change", "after", "image", "opens"),
    [
        (nothing, 6, "", True),
        (nothing, 6, GOOD, True),
        (nothing, 7, "", False),
        (nothing, 6, BAD, False),
        (status(observedGeneration=6), 5, "", False),
        (status(updatedReplicas=1), 6, "", False),
        (status(availableReplicas=1), 6, "", False),
        (status(replicas=3), 6, "", False),
    ],
)
def test_a_gate_opens_at_a_new_generation_that_is_complete(
    change: Change, after: int, image: str, opens: bool
) -> None:
    """Seen by the controller, updated = wanted = available, and no pod of the former one."""
    api = serving()
    change(api)
    asked = RolledOut(target=TARGET, after=after, image=image)
    verdict = judge_rollout(asked, situation_of(api).state(TARGET))
    assert verdict.open is opens, verdict.seen
    assert judge_rollout(asked, None).open is False


def test_a_gate_says_why_nothing_was_read() -> None:
    """So somebody who waits at it knows that it is the token, and not the rollout."""
    api = serving()
    (before,) = baseline(
        situation_of(api), Proposal(title="", stages=(), checks=(), risk=Risk.LOW, worst_case="")
    )
    api.denied.add("get namespaces/kube-system")
    look = look_at(before.read(ServiceBefore), situation_of(api).reading)
    asked = Part.of(RolledOut(target=TARGET, after=6, image=""))
    verdict = look.judge(Gate(title="a rollout", timeout_s=1, asks=asked))
    assert (verdict.open, verdict.seen) == (False, "not read: get namespaces/kube-system: 403")
