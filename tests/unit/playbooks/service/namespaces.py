"""Made namespaces: what an API server in memory answers, read by the real look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import msgspec

from remediations.playbooks.service.situation import (
    DIGEST_INPUT,
    NODE_INPUT,
    REPLICAS_INPUT,
    ServiceSituation,
)
from remediations.systems.kubernetes.api import KubernetesApi
from remediations.systems.kubernetes.inventory import (
    ClusterEntry,
    ScaleLimits,
    WorkloadKind,
    WorkloadRole,
)
from remediations.systems.kubernetes.look import read_cluster
from tests.unit.kubernetes.fake_api import (
    BAD,
    GOOD,
    SCORER,
    SCORER_ENTRY,
    FakeApi,
    deployment,
    pod,
    replica_set,
)

TARGET = "deployment/scorer"
CRASH = "CrashLoopBackOff"
CLASS = "cpu=avx2"
SCALE = ScaleLimits(normal=2, most=6, cost="a node for two", node_class=(CLASS,))
Change = Callable[[FakeApi], None]


def nothing(_api: FakeApi) -> None:
    """No change."""


def broken_release(reason: str = CRASH) -> FakeApi:
    """A release whose pod does not come up, beside two of the former one that serve."""
    api = FakeApi(deployment(BAD, replicas=3, updatedReplicas=1))
    api.lists["replicasets"] = [replica_set("old", GOOD, 2), replica_set("new", BAD, 0)]
    api.lists["pods"] = [
        pod("p1", "old", GOOD),
        pod("p2", "old", GOOD),
        pod("p3", "new", BAD, reason=reason),
    ]
    return api


def hanging() -> FakeApi:
    """One release, whose pods run and are not ready."""
    api = FakeApi(deployment(GOOD, availableReplicas=0, readyReplicas=0))
    api.lists["replicasets"] = [replica_set("old", GOOD, 0)]
    api.lists["pods"] = [pod(name, "old", GOOD, reason="Unready") for name in ("p1", "p2")]
    return api


def serving() -> FakeApi:
    """All is well."""
    api = FakeApi(deployment(GOOD))
    api.lists["replicasets"] = [replica_set("old", GOOD, 2)]
    api.lists["pods"] = [pod("p1", "old", GOOD), pod("p2", "old", GOOD)]
    return api


def situation_of(
    api: FakeApi,
    *,
    role: WorkloadRole = WorkloadRole.SERVICE,
    floor: int = 0,
    good: str | None = None,
    digest: str | None = None,
    nodes: tuple[str, ...] = (),
    others: tuple[str, ...] = (),
    node: str | None = None,
    owners: frozenset[str] = frozenset(),
    kind: WorkloadKind = WorkloadKind.DEPLOYMENT,
    scale: ScaleLimits | None = None,
    replicas: int | None = None,
) -> ServiceSituation:
    """What the domain is given."""
    entry = ClusterEntry(
        kubeconfig="/nowhere",
        context=None,
        namespace="scoring",
        owner_period_s=0,
        workloads=(
            msgspec.structs.replace(
                SCORER_ENTRY, role=role, floor=floor, good=good, kind=kind, scale=scale
            ),
        ),
        nodes=nodes or msgspec.UNSET,
        others=others or msgspec.UNSET,
    )
    reading = asyncio.run(read_cluster(cast(KubernetesApi, api), entry, owners=owners))
    made = ServiceSituation(
        reading=reading, at=datetime(2026, 11, 29, tzinfo=UTC), only=frozenset()
    )
    told = {
        DIGEST_INPUT: digest,
        NODE_INPUT: node,
        REPLICAS_INPUT: None if replicas is None else str(replicas),
    }
    chosen = {name: value for name, value in told.items() if value is not None}
    return replace(made, inputs=chosen) if chosen else made


def spec(**fields: object) -> Change:
    """A change of what the Deployment wants."""
    return lambda api: api.objects[SCORER]["spec"].update(fields)


def meta(**fields: object) -> Change:
    """A change of its metadata."""
    return lambda api: api.objects[SCORER]["metadata"].update(fields)


def status(**fields: object) -> Change:
    """A change of its status."""
    return lambda api: api.objects[SCORER]["status"].update(fields)


def bound(api: FakeApi) -> None:
    """Its template binds its pods to the declared class of nodes."""
    api.objects[SCORER]["spec"]["template"]["spec"]["nodeSelector"] = {"cpu": "avx2"}


def gone(api: FakeApi) -> None:
    """The Deployment does not exist."""
    del api.objects[SCORER]


def denied(*rights: str) -> Change:
    """The role lacks these."""
    return lambda api: api.denied.update(rights)
