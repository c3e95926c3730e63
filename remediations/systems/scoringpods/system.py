"""The pods that score, as the engine is told: read where a host of the inventory names a workload.

What asks is imported when it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from remediations.engine.system import LookRequest, RemoteSystem
from remediations.systems.kubernetes.inventory import ClusterEntry, cluster_of
from remediations.systems.scorer.inventory import ScoringEntry, scoring_of
from remediations.systems.scoringpods.declared import DeclaredWorkload, declared_workloads
from remediations.systems.scoringpods.reading import PodsReading, WorkloadAnswers
from remediations.values.part import Kinded
from remediations.values.reading import Unknown, Why

CONNECT_LIMIT_S = 30.0


async def _look(look: LookRequest) -> Sequence[Kinded]:
    declared = declared_workloads(look.inventory)
    if not declared:
        return ()
    return (await read_pods(cluster_of(look.inventory), scoring_of(look.inventory), declared),)


async def read_pods(
    cluster: ClusterEntry, scoring: ScoringEntry, declared: Sequence[DeclaredWorkload]
) -> PodsReading:
    """What the pods answer, and whether we may ask them."""
    import asyncio

    from remediations.reach.background import run_in_thread
    from remediations.systems.kubernetes.api import ApiError, KubernetesApi
    from remediations.systems.kubernetes.look import read_right
    from remediations.systems.kubernetes.rights import NeededRight
    from remediations.systems.scoringpods.ask import Questions, ask_workloads

    try:
        async with asyncio.timeout(CONNECT_LIMIT_S):
            api = await run_in_thread(KubernetesApi.connect, cluster)
    except (ApiError, TimeoutError) as error:
        why = error.why if isinstance(error, ApiError) else Why.TIME_LIMIT
        said = str(error) or f"no credentials within {CONNECT_LIMIT_S:.0f} s"
        return _unread(scoring, declared, why, said)
    right = NeededRight("create", "", "pods", subresource="proxy", namespace=cluster.namespace)
    access = await read_right(api, right)
    questions = Questions(scoring.golden, scoring.asks, scoring.timeout_ms, scoring.settings)
    workloads = await ask_workloads(api, cluster, declared, questions)
    return PodsReading(scoring=scoring, workloads=workloads, access=(access,))


def _unread(
    scoring: ScoringEntry, declared: Sequence[DeclaredWorkload], why: Why, reason: str
) -> PodsReading:
    nothing = Unknown(why=why, reason=reason, source="the API server", at=datetime.now(UTC))
    return PodsReading(
        scoring=scoring,
        workloads=tuple(
            WorkloadAnswers(
                target=one.entry.target, service=one.service, hosts=one.hosts, pods=nothing
            )
            for one in declared
        ),
        access=(),
    )


def _unanswered(reading: PodsReading) -> tuple[str, ...]:
    reasons = [one.pods.reason for one in reading.workloads if isinstance(one.pods, Unknown)]
    return tuple(dict.fromkeys(reasons)) if len(reasons) == len(reading.workloads) else ()


PODS = RemoteSystem(name="scoringpods", kind=PodsReading, look=_look, unanswered=_unanswered)
