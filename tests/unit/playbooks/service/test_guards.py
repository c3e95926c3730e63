"""Each guard where it passes, where it blocks, and where it is unknown, which blocks as well."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.service import guards
from remediations.playbooks.service.high_error_rate import PLAYBOOK
from remediations.playbooks.service.situation import ServiceSituation
from remediations.systems.kubernetes.inventory import WorkloadRole
from remediations.values.reading import Unknown, Why
from tests.unit.kubernetes.fake_api import SCORER, FakeApi
from tests.unit.playbooks.service.namespaces import (
    SCALE,
    TARGET,
    Change,
    bound,
    broken_release,
    denied,
    gone,
    meta,
    nothing,
    situation_of,
    spec,
    status,
)

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"}}
VALIDATOR = {"role": WorkloadRole.VALIDATOR}
FLOOR = {"floor": 2}
FOUR = {"scale": SCALE, "replicas": 4}
ANYWHERE = replace(SCALE, node_class=())
ARGO = {"argocd.argoproj.io/instance": "shop"}
CLUSTER = "get namespaces/kube-system"


def _whole(guard: Callable[..., Any]) -> Callable[[ServiceSituation, str], GuardResult]:
    """A guard on the whole proposal, which it does not look at."""
    proposal = PLAYBOOK.branches[2].propose

    def judge(service: ServiceSituation, _target: str) -> GuardResult:
        found = guard(service, None if service.cluster == "unknown" else proposal(service))
        assert isinstance(found, GuardResult)
        return found

    return judge


def _ending(api: FakeApi) -> None:
    api.objects[SCORER]["spec"].update(replicas=1, strategy={"type": "Recreate"})
    api.lists["pods"][0]["metadata"]["deletionTimestamp"] = "2026-11-29T00:00:00Z"


def _autoscaled(api: FakeApi) -> None:
    target = {"kind": "Deployment", "name": "scorer"}
    scaler = {"metadata": {"name": "scorer"}, "spec": {"scaleTargetRef": target}}
    api.lists["horizontalpodautoscalers"] = [scaler]


def _no_old_template(api: FakeApi) -> None:
    api.lists["replicasets"] = api.lists["replicasets"][1:]


CASES: list[tuple[str, Any, Change, Mapping[str, Any], Outcome]] = [
    ("K1", _whole(guards.cluster_is_known), nothing, {}, PASS),
    ("K1", _whole(guards.cluster_is_known), denied(CLUSTER), {}, UNKNOWN),
    ("K6", _whole(guards.rights_are_given), nothing, {}, PASS),
    ("K6", _whole(guards.rights_are_given), denied("patch deployments"), {}, BLOCK),
    ("K6", _whole(guards.rights_are_given), denied(CLUSTER), {}, UNKNOWN),
    ("K2", guards.generation_is_seen, nothing, {}, PASS),
    ("K2", guards.generation_is_seen, status(observedGeneration=6), {}, UNKNOWN),
    ("K2", guards.generation_is_seen, gone, {}, UNKNOWN),
    ("K3", guards.is_not_paused, nothing, {}, PASS),
    ("K3", guards.is_not_paused, spec(paused=True), {}, BLOCK),
    ("K3", guards.is_not_paused, gone, {}, UNKNOWN),
    ("K4", guards.nobody_owns_it, nothing, {}, PASS),
    ("K4", guards.nobody_owns_it, meta(labels=ARGO), {}, BLOCK),
    ("K4", guards.nobody_owns_it, denied("list horizontalpodautoscalers in scoring"), {}, UNKNOWN),
    ("K5", guards.runs_once, nothing, {}, PASS),
    ("K5", guards.runs_once, nothing, VALIDATOR, BLOCK),
    ("K5", guards.runs_once, spec(replicas=1), VALIDATOR, BLOCK),
    ("K5", guards.runs_once, spec(replicas=1, strategy={"type": "Recreate"}), VALIDATOR, PASS),
    ("K5", guards.runs_once, spec(strategy={"type": "Recreate"}), VALIDATOR, BLOCK),
    ("K5", guards.runs_once, _ending, VALIDATOR, BLOCK),
    ("K5", guards.runs_once, gone, VALIDATOR, UNKNOWN),
    ("K7", guards.image_is_previewed, nothing, {}, PASS),
    ("K7", guards.image_is_previewed, denied("patch deployments/scorer in scoring"), {}, UNKNOWN),
    ("K7", guards.restart_is_previewed, nothing, {}, PASS),
    ("K7", guards.restart_is_previewed, gone, {}, UNKNOWN),
    ("K8", guards.floor_is_kept, nothing, FLOOR, PASS),
    ("K8", guards.floor_is_kept, spec(strategy=ROLLING), FLOOR, BLOCK),
    ("K8", guards.floor_is_kept, spec(strategy={"type": "Recreate"}), FLOOR, BLOCK),
    ("K8", guards.floor_is_kept, status(availableReplicas=0), FLOOR, PASS),
    ("K8", guards.floor_is_kept, gone, FLOOR, UNKNOWN),
    ("K9", guards.image_is_good, nothing, {}, PASS),
    ("K9", guards.image_is_good, _no_old_template, {}, UNKNOWN),
    ("K9", guards.image_is_good, gone, {}, UNKNOWN),
    ("K4", guards.nobody_owns_it, _autoscaled, {}, BLOCK),
    ("K7", guards.scale_is_previewed, nothing, FOUR, PASS),
    ("K7", guards.scale_is_previewed, gone, FOUR, UNKNOWN),
    ("K23", guards.scale_is_declared, nothing, FOUR, PASS),
    ("K23", guards.scale_is_declared, nothing, {"replicas": 4}, BLOCK),
    ("K23", guards.scale_is_declared, nothing, {"scale": SCALE}, BLOCK),
    ("K23", guards.scale_is_declared, nothing, {**FOUR, "replicas": 7}, BLOCK),
    ("K23", guards.scale_is_declared, nothing, {**FOUR, "replicas": 1}, BLOCK),
    ("K23", guards.scale_is_declared, nothing, {**FOUR, "floor": 5}, BLOCK),
    ("K23", guards.scale_is_declared, spec(replicas=4), FOUR, BLOCK),
    ("K23", guards.scale_is_declared, gone, FOUR, UNKNOWN),
    ("K24", guards.class_is_bound, bound, FOUR, PASS),
    ("K24", guards.class_is_bound, nothing, FOUR, BLOCK),
    ("K24", guards.class_is_bound, nothing, {**FOUR, "scale": ANYWHERE}, PASS),
    ("K24", guards.class_is_bound, gone, FOUR, UNKNOWN),
]


@pytest.mark.parametrize(("name", "guard", "change", "told", "outcome"), CASES)
def test_a_guard(
    name: str,
    guard: Callable[[ServiceSituation, str], GuardResult],
    change: Change,
    told: Mapping[str, Any],
    outcome: Outcome,
) -> None:
    """By its id, with what it got and what to do."""
    api = broken_release()
    change(api)
    result = guard(situation_of(api, **told), TARGET)
    assert (result.id, result.outcome) == (name, outcome), result.got
    assert result.got
    assert result.next_step


def test_a_blocking_right_is_named() -> None:
    """With verb, resource and namespace."""
    api = broken_release()
    denied("patch deployments")(api)
    judged = _whole(guards.rights_are_given)(situation_of(api), TARGET)
    assert judged.got == "not allowed: patch deployments"
    assert "scoring" in judged.expected


SECRET = {"name": "key", "secret": {"secretName": "val-key"}}
CLAIM = {"name": "home", "persistentVolumeClaim": {"claimName": "node-data"}}
PROJECTED = {"name": "all", "projected": {"sources": [{"secret": {"name": "val-key"}}]}}
OWN = {"name": "own", "secret": {"secretName": "another-key"}}


def _two_validators(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> ServiceSituation:
    """A validator's workload with these volumes, beside another one."""

    def read(volumes: list[dict[str, Any]]) -> ServiceSituation:
        api = broken_release()
        spec(replicas=1, strategy={"type": "Recreate"})(api)
        api.objects[SCORER]["spec"]["template"]["spec"]["volumes"] = volumes
        return situation_of(api, role=WorkloadRole.VALIDATOR)

    mine, theirs = read(one), read(other)
    (second,) = theirs.reading.workloads
    second = replace(second, entry=replace(second.entry, name="second"))
    reading = replace(mine.reading, workloads=(*mine.reading.workloads, second))
    return dataclasses.replace(mine, reading=reading)


@pytest.mark.parametrize(
    ("one", "other", "outcome", "got"),
    [
        ([SECRET], [OWN], PASS, "no other validator's"),
        ([SECRET], [SECRET], BLOCK, "secret/val-key of deployment/second, too"),
        ([SECRET], [PROJECTED], BLOCK, "secret/val-key of deployment/second, too"),
        ([CLAIM, OWN], [CLAIM], BLOCK, "claim/node-data of deployment/second, too"),
        ([], [], PASS, "no other validator's"),
    ],
    ids=["own", "secret", "projected", "claim", "nothing"],
)
def test_k5_of_two_validators(
    one: list[dict[str, Any]], other: list[dict[str, Any]], outcome: Outcome, got: str
) -> None:
    """Four replicas on one claim, or two workloads with one secret: two processes, one key."""
    found = guards.runs_once(_two_validators(one, other), TARGET)
    assert found.outcome is outcome
    assert got in found.got


def test_k5_where_another_validator_was_not_read() -> None:
    service = _two_validators([SECRET], [OWN])
    first, second = service.reading.workloads
    lost = replace(second, state=_unread())
    reading = replace(service.reading, workloads=(first, lost))
    found = guards.runs_once(dataclasses.replace(service, reading=reading), TARGET)
    assert found.outcome is UNKNOWN


def _unread() -> Unknown:
    at = datetime(2026, 11, 29, tzinfo=UTC)
    return Unknown(why=Why.DENIED, reason="403", source="get deployments/second", at=at)
