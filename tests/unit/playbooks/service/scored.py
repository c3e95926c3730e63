"""Made workloads that score: what their pods say, asked as in a look."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from msgspec.structs import replace as replaced

from remediations.playbooks.scoring.finding import Basis
from remediations.playbooks.scoring.pods.agreed import AgreedScores
from remediations.playbooks.service.situation import ServiceSituation
from remediations.systems.kubernetes.api import KubernetesApi, Request
from remediations.systems.kubernetes.inventory import ClusterEntry
from remediations.systems.kubernetes.look import read_right
from remediations.systems.kubernetes.rights import NeededRight
from remediations.systems.scorer.values import Setting
from remediations.systems.scorer.workload import ScoredWorkload
from remediations.systems.scoringpods.ask import Questions, ask_workloads
from remediations.systems.scoringpods.declared import DeclaredWorkload
from remediations.systems.scoringpods.reading import PodsReading
from tests.unit.kubernetes.fake_api import SCORER_ENTRY, FakeApi
from tests.unit.playbooks.service.namespaces import situation_of
from tests.worlds.scoring import GOLDEN as WORLD
from tests.worlds.scoring import declared

SERVICE = ScoredWorkload(name="scorer", port=8501, path="/v1/models/trust_score:predict")
GOLDEN = replaced(
    WORLD,
    vectors=tuple(
        replaced(vector, request=f'{{"instances":[[{number}]]}}')
        for vector, number in zip(WORLD.vectors, ("0.25", "0.75"), strict=True)
    ),
)
SCORING = declared(golden=GOLDEN)
DECLARED = (DeclaredWorkload(SCORER_ENTRY, SERVICE, ("val4",)),)
CLUSTER = ClusterEntry(
    kubeconfig="/nowhere",
    context=None,
    namespace="scoring",
    owner_period_s=0,
    workloads=(SCORER_ENTRY,),
)
RIGHT, OTHER = {"0.25": "[0.25]", "0.75": "[0.75]"}, {"0.25": "[0.25]", "0.75": "[0.7500001]"}
Says = Callable[[Request], tuple[int, bytes]]


def pods_say(answers: Mapping[str, Mapping[str, str] | int | Exception]) -> Says:
    """Pod → its answer to each number, a status of HTTP, or a failure; others answer rightly."""

    def say(request: Request) -> tuple[int, bytes]:
        pod = request.path.rpartition("/pods/")[2].partition("%3A")[0]
        told = answers.get(pod, RIGHT)
        if isinstance(told, Exception):
            raise told
        if isinstance(told, int):
            return told, b'{"error": "broken"}'
        ((number,),) = json.loads(request.body, parse_float=str)["instances"]
        return 200, told[number].encode()

    return say


def asked(api: FakeApi, asks: int = 2, settings: tuple[Setting, ...] | None = None) -> PodsReading:
    """What a look reads of the pods of the Deployment; with declared settings what they compute
    with, too."""
    questions = Questions(GOLDEN, asks, 2000, settings)

    async def read() -> PodsReading:
        client = cast(KubernetesApi, api)
        right = NeededRight("create", "", "pods", subresource="proxy", namespace="scoring")
        return PodsReading(
            scoring=SCORING,
            workloads=await ask_workloads(client, CLUSTER, DECLARED, questions),
            access=(await read_right(client, right),),
        )

    return asyncio.run(read())


def scored_situation(
    api: FakeApi,
    *,
    agreed: bool = True,
    **more: Any,  # noqa: ANN401 - those of `situation_of`
) -> ServiceSituation:
    """The namespace, in which the Deployment scores."""
    scores = AgreedScores(
        reading=asked(api),
        golden=GOLDEN if agreed else None,
        basis=Basis.POWER if agreed else Basis.NONE,
    )
    return replace(situation_of(api, **more), scores=scores)
