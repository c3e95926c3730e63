"""Ask the pods of a plan's workloads, for its gates and checks."""

from __future__ import annotations

from collections.abc import Mapping

from remediations.playbooks.scoring.pods.scores import JudgedWorkload, judge_workload_answers
from remediations.playbooks.service.scored import ScoresBefore
from remediations.systems.kubernetes.api import KubernetesApi
from remediations.systems.kubernetes.inventory import ClusterEntry
from remediations.systems.scoringpods.ask import Questions, ask_workloads
from remediations.systems.scoringpods.declared import DeclaredWorkload


async def read_answers(
    api: KubernetesApi,
    cluster: ClusterEntry,
    before: ScoresBefore,
    targets: frozenset[str],
    asks: int,
) -> Mapping[str, JudgedWorkload]:
    """How the ready pods of these workloads answer now, each vector asked so often. One that the
    inventory does not have any more is left out: nothing is known of it."""
    entries = {one.target: one for one in cluster.workloads}
    declared = [
        DeclaredWorkload(entries[one.target], one.service, ())
        for one in before.workloads
        if one.target in targets and one.target in entries
    ]
    if not declared:
        return {}
    questions = Questions(before.golden, asks, before.timeout_ms)
    found = await ask_workloads(api, cluster, declared, questions)
    return {one.target: judge_workload_answers(one, before.golden) for one in found}
