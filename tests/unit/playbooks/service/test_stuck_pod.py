"""A pod that holds up a StatefulSet whose template was mended (K11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.service.delete_stuck_pod import DELETE_POD
from remediations.playbooks.service.node_actions import DELETE_STUCK_POD
from remediations.playbooks.service.node_gates import Replaced, judge_replaced
from remediations.playbooks.service.node_guards import pod_rights
from remediations.playbooks.service.situation import ServiceSituation
from remediations.playbooks.service.stuck_guards import (
    pod_is_stuck,
    stuck_key_stays,
    stuck_pod_ends,
)
from remediations.systems.kubernetes.inventory import WorkloadKind, WorkloadRole
from tests.unit.kubernetes.fake_api import APPS, GOOD, UID, FakeApi, Tree, deployment
from tests.unit.kubernetes.fake_nodes import on_node
from tests.unit.playbooks.service.namespaces import Change, denied, situation_of

TARGET = "pod/scoring/scorer-1"
OWNER = ("StatefulSet", UID)


def member(name: str, revision: str, reason: str = "") -> Tree:
    """A pod of the StatefulSet."""
    tree = on_node(name, reason=reason, owner=OWNER)
    tree["metadata"]["labels"] = {"app": "scorer", "controller-revision-hash": revision}
    return tree


def stateful(**strategy: object) -> FakeApi:
    """Three members; the middle one is of the broken template, which was mended since."""
    api = FakeApi()
    tree = deployment(GOOD, readyReplicas=2, availableReplicas=2, replicas=3, updatedReplicas=0)
    tree["kind"] = "StatefulSet"
    tree["spec"].pop("strategy")
    tree["spec"].update(replicas=3)
    tree["spec"]["updateStrategy"] = {"type": "RollingUpdate", **strategy}
    tree["status"].update(currentRevision="old", updateRevision="new")
    api.objects[f"{APPS}/statefulsets/scorer"] = tree
    api.lists["pods"] = [
        member("scorer-0", "older"),
        member("scorer-1", "bad", "CrashLoopBackOff"),
        member("scorer-2", "older"),
    ]
    return api


def seen(api: FakeApi, **told: Any) -> ServiceSituation:  # noqa: ANN401 - of an inventory
    """What the domain is given."""
    return situation_of(api, kind=WorkloadKind.STATEFUL_SET, **told)


def _unready(api: FakeApi) -> None:
    api.lists["pods"][1] = member("scorer-1", "bad", "ContainersNotReady")


def _newest(api: FakeApi) -> None:
    api.lists["pods"][1] = member("scorer-1", "new", "CrashLoopBackOff")


def _ending(api: FakeApi) -> None:
    api.lists["pods"][1]["metadata"]["deletionTimestamp"] = "2026-11-29T00:00:30Z"


def _unseen(api: FakeApi) -> None:
    api.objects[f"{APPS}/statefulsets/scorer"]["status"]["observedGeneration"] = 6


@pytest.mark.parametrize("change", [_unready, _newest, _ending, _unseen])
def test_what_is_not_stuck_is_left(change: Change) -> None:
    """It may be starting, is of the newest template, ends already, or the change is unseen."""
    api = stateful()
    assert DELETE_POD.fits(seen(api)) is None
    change(api)
    assert DELETE_POD.fits(seen(api)) is not None


@pytest.mark.parametrize(
    ("strategy", "fits"),
    [
        ({}, True),
        ({"rollingUpdate": {"partition": 1}}, True),
        ({"rollingUpdate": {"partition": 2}}, False),
        ({"type": "OnDelete"}, False),
    ],
)
def test_what_would_not_come_back_from_the_newest_template(strategy: Tree, fits: bool) -> None:
    """Below the partition it is made from the former one."""
    assert (DELETE_POD.fits(seen(stateful(**strategy))) is None) is fits


def test_exactly_one_pod_is_proposed() -> None:
    """Of several the one with the highest ordinal, which the controller waits for."""
    api = stateful()
    api.lists["pods"][2] = member("scorer-2", "bad", "ErrImagePull")
    proposal = DELETE_POD.propose(seen(api))
    assert proposal.targets == ("pod/scoring/scorer-2",)


def test_a_deployment_has_none() -> None:
    """Its ReplicaSets do not wait for each other's pods."""
    api = stateful()
    api.objects[f"{APPS}/deployments/scorer"] = api.objects[f"{APPS}/statefulsets/scorer"]
    assert DELETE_POD.fits(situation_of(api)) is not None


CASES: list[tuple[str, Any, Change, dict[str, Any], Outcome]] = [
    ("K21", pod_is_stuck, lambda _api: None, {}, Outcome.PASS),
    ("K21", pod_is_stuck, _newest, {}, Outcome.UNKNOWN),
    ("K17", stuck_key_stays, lambda _api: None, {}, Outcome.PASS),
    (
        "K17",
        stuck_key_stays,
        lambda _api: None,
        {"role": WorkloadRole.VALIDATOR},
        Outcome.BLOCK,
    ),
    ("K17", stuck_key_stays, denied("list pods in scoring"), {}, Outcome.UNKNOWN),
    ("K20", stuck_pod_ends, lambda _api: None, {}, Outcome.PASS),
    (
        "K20",
        stuck_pod_ends,
        lambda api: api.lists["pods"][1]["spec"].update(terminationGracePeriodSeconds=0),
        {},
        Outcome.BLOCK,
    ),
    ("K20", stuck_pod_ends, _newest, {}, Outcome.UNKNOWN),
    ("K19", pod_rights, lambda _api: None, {}, Outcome.PASS),
    ("K19", pod_rights, denied("delete pods"), {}, Outcome.BLOCK),
    ("K19", pod_rights, denied("get namespaces/kube-system"), {}, Outcome.UNKNOWN),
]


@pytest.mark.parametrize(("name", "guard", "change", "told", "outcome"), CASES)
def test_a_guard(
    name: str,
    guard: Callable[[ServiceSituation, str], GuardResult],
    change: Change,
    told: dict[str, Any],
    outcome: Outcome,
) -> None:
    """By its id, with what it got and what to do."""
    api = stateful()
    change(api)
    result = guard(seen(api, **told), TARGET)
    assert (result.id, result.outcome) == (name, outcome), result.got
    assert result.got
    assert result.next_step


def test_the_facts_name_both_revisions() -> None:
    """What it is made anew from is signed, and compared again."""
    facts = {fact.name: fact.value for fact in DELETE_STUCK_POD.facts(seen(stateful()), TARGET)}
    assert facts[f"{TARGET}.revision"] == "bad → new"
    assert facts[f"{TARGET}.uid"] == "uid-of-scorer-1"


def _back(revision: str, reason: str = "") -> Tree:
    tree = member("scorer-1", revision, reason)
    tree["metadata"]["uid"] = "another"
    return tree


@pytest.mark.parametrize(
    ("pod", "opens", "said"),
    [
        (_back("new"), True, "is ready"),
        (_back("new", "ContainerCreating"), False, "not ready"),
        (_back("bad"), False, "of bad"),
        (member("scorer-1", "bad", "CrashLoopBackOff"), False, "the same pod"),
        (None, False, "not made again"),
    ],
)
def test_the_gate_opens_when_it_has_come_back(pod: Tree | None, opens: bool, said: str) -> None:
    """Another pod of its name, ready, of the newest template."""
    api = stateful()
    api.lists["pods"] = [api.lists["pods"][0], *([pod] if pod else []), api.lists["pods"][2]]
    service = seen(api)
    asked = Replaced(workload="statefulset/scorer", pod="scorer-1", uid="uid-of-scorer-1")
    verdict = judge_replaced(asked, service.state("statefulset/scorer"))
    assert verdict.open is opens, verdict.seen
    assert said in verdict.seen
    assert judge_replaced(asked, None).open is False
