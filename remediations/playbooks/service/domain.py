"""A service on Kubernetes, as the engine is told."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from remediations.engine.apply.look import Watch
from remediations.engine.domain import Domain
from remediations.engine.plan.compare import Movable, may_differ
from remediations.engine.plan.plan import Plan
from remediations.playbooks.service import high_error_rate
from remediations.playbooks.service.actions import (
    RESTART_WORKLOAD,
    SCALE_WORKLOAD,
    SCALE_WORKLOAD_BACK,
    SET_IMAGE,
    SET_IMAGE_BACK,
    service_facts,
)
from remediations.playbooks.service.finding import NAME, conclude
from remediations.playbooks.service.gates import (
    NO_ANSWERS,
    RolledOut,
    ServiceBefore,
    ServiceLook,
    baseline,
    look_at,
    owners_in,
    scored_in,
    scores_in,
)
from remediations.playbooks.service.guards import INVARIANTS
from remediations.playbooks.service.impact import levels
from remediations.playbooks.service.node_actions import (
    CORDON_NODE,
    DELETE_STUCK_POD,
    EVICT_POD,
    UNCORDON_NODE,
)
from remediations.playbooks.service.node_gates import Cordoned, Moved, Replaced
from remediations.playbooks.service.scored import ScoresBefore
from remediations.playbooks.service.situation import has_cluster, situation
from remediations.reach.connection import Reach
from remediations.values.part import Part

if TYPE_CHECKING:
    from remediations.engine.doctor.examination import Doctor


def _doctor() -> Doctor:
    from remediations.playbooks.service.doctor import DOCTOR

    return DOCTOR


def watch(plan: Plan, reach: Reach) -> Watch:
    """Looks at the workloads of the plan, through the inventory's credentials."""
    # Imported here: who reads a saved observation needs no client.
    from remediations.playbooks.service.answers import read_answers
    from remediations.systems.kubernetes.connection import ClusterConnection
    from remediations.systems.kubernetes.look import read_cluster

    before = plan.part(ServiceBefore)
    connection, owners = ClusterConnection(reach), owners_in(plan)
    scored, scores = scored_in(plan), scores_in(plan)

    async def look() -> ServiceLook:
        api, entry = await connection.api_of(before.cluster), connection.entry
        reading = await read_cluster(api, entry, previews=False, owners=owners)
        asked = scores and await read_answers(api, entry, scores, scored, GATE_ASKS)
        return look_at(before, reading, asked or NO_ANSWERS)

    return look


GATE_ASKS = 1
"""How often a look asks each vector: there are many looks. Checks ask as often as declared."""
_SCALED = "an autoscaler may have changed how many there are; the planned number is waited for"

DOMAIN = Domain(
    name=NAME,
    title="a service on Kubernetes that answers with errors",
    concerns=has_cluster,
    situation=situation,
    finding=conclude,
    detail=lambda service: Part.of(service.reading),
    facts=service_facts,
    invariants=INVARIANTS,
    levels=levels,
    baseline=baseline,
    resources=lambda service: (f"kubernetes/{service.cluster}/{service.reading.namespace}",),
    actions=(
        *(RESTART_WORKLOAD, SET_IMAGE, SET_IMAGE_BACK, SCALE_WORKLOAD, SCALE_WORKLOAD_BACK),
        *(CORDON_NODE, UNCORDON_NODE, EVICT_POD, DELETE_STUCK_POD),
    ),
    playbooks=(high_error_rate.PLAYBOOK,),
    watch=watch,
    checks="remediations.playbooks.service.checks",
    rules="remediations.playbooks.service.rules",
    alerts="remediations.playbooks.service",
    movable=MappingProxyType(
        {
            f"{ServiceBefore.KIND} workloads": Movable(
                may_differ, "pods come and go; what decides of them is a fact or a guard"
            ),
            f"{Cordoned.KIND} replicas": Movable(may_differ, _SCALED),
            f"{Moved.KIND} replicas": Movable(may_differ, _SCALED),
        }
    ),
    kinds=(Cordoned, Moved, Replaced, RolledOut, ScoresBefore, ServiceBefore),
    doctor=_doctor,
    with_inputs=lambda service, inputs: replace(service, inputs=inputs),
)
