"""Ask the pods that score: every vector, of every ready pod, through the API server (`pods/proxy`).

Nothing else of a cluster's network has to be reached, and the API server says who may. A pod that
is silent costs one time limit: it is asked nothing more. Each request is bounded in seconds and in
bytes; all of them together are bounded by `ALL_S`, and what is not asked by then is unknown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import UNSET

from remediations.reach.background import run_in_thread
from remediations.render.printable import one_line
from remediations.systems.kubernetes.api import ApiError, KubernetesApi, Request, namespaced
from remediations.systems.kubernetes.inventory import ClusterEntry
from remediations.systems.kubernetes.look import read_workloads
from remediations.systems.kubernetes.values import Pod, Workload
from remediations.systems.scorer.answers import ANSWER_BYTES, AnswerError, canonical_answer
from remediations.systems.scorer.values import Ask, GoldenVector, GoldenVectors, Setting
from remediations.systems.scorer.workload import ScoredWorkload
from remediations.systems.scoringpods.computes import read_computes
from remediations.systems.scoringpods.declared import DeclaredWorkload
from remediations.systems.scoringpods.reading import Computes, ScoredPod, WorkloadAnswers
from remediations.values.reading import Known, Reading, Unknown, Why

ALL_S = 20.0
AT_ONCE = 8
"""So many pods are asked at the same time."""
MOST_PODS = 40
"""Of all workloads together. What serves behind more of them is asked by nobody else either."""
_OK = 200
_SAID = 200
_SOURCE = "golden vectors through pods/proxy"


class Questions(NamedTuple):
    """What each pod is asked, how often, and for how long it may take. `settings` are the declared
    ones, where it is read, too, what a pod computes with; None where it is not."""

    golden: GoldenVectors
    asks: int
    timeout_ms: int
    settings: tuple[Setting, ...] | None = None


async def ask_workloads(
    api: KubernetesApi,
    cluster: ClusterEntry,
    declared: Sequence[DeclaredWorkload],
    questions: Questions,
) -> tuple[WorkloadAnswers, ...]:
    """What the ready pods of these workloads answer. Never raises for what a cluster does."""
    names = frozenset(one.entry.name for one in declared)
    before = {one.entry.name: one for one in await read_workloads(api, cluster, names)}
    end, room = time.monotonic() + ALL_S, asyncio.Semaphore(AT_ONCE)
    left = MOST_PODS
    asked: list[asyncio.Future[list[Reading[tuple[Ask, ...]]]]] = []
    found: list[tuple[DeclaredWorkload, tuple[Pod, ...] | Unknown]] = []
    for one in declared:
        pods = ready_pods(before[one.entry.name])
        found.append((one, pods))
        those = () if isinstance(pods, Unknown) else pods
        asker = _Asker(api, cluster.namespace, one.service, questions, end, room)
        asked.append(asyncio.gather(*(asker.pod(pod) for pod in those[: max(left, 0)])))
        left -= len(those)
    answers = await asyncio.gather(*asked)
    computes = await _computes(api, cluster, found, questions.settings)
    after = {one.entry.name: one for one in await read_workloads(api, cluster, names)}
    return tuple(
        WorkloadAnswers(
            target=one.entry.target,
            service=one.service,
            hosts=one.hosts,
            pods=pods
            if isinstance(pods, Unknown)
            else _answered(pods, told, computes, ready_pods(after[one.entry.name])),
        )
        for (one, pods), told in zip(found, answers, strict=True)
    )


def ready_pods(workload: Workload) -> tuple[Pod, ...] | Unknown:
    """Those that are asked: they are ready, and not ending."""
    if isinstance(workload.state, Unknown):
        return workload.state
    return tuple(one for one in workload.state.value.pods if one.ready and not one.deleting)


async def _computes(
    api: KubernetesApi,
    cluster: ClusterEntry,
    found: Sequence[tuple[DeclaredWorkload, tuple[Pod, ...] | Unknown]],
    settings: tuple[Setting, ...] | None,
) -> Mapping[str, Computes]:
    """What the pods compute with, by their uids; nothing where nobody wants to know."""
    if settings is None:
        return {}
    names = [one.name for one in settings]
    told: dict[str, Computes] = {}
    left = MOST_PODS
    for one, pods in found:
        those = () if isinstance(pods, Unknown) else pods[: max(left, 0)]
        left -= len(those)
        by_uid = {pod.uid: pod for pod in those}
        told |= await read_computes(api, cluster, by_uid, one.entry.container, names)
    return told


def _answered(
    pods: tuple[Pod, ...],
    told: list[Reading[tuple[Ask, ...]]],
    computes: Mapping[str, Computes],
    after: tuple[Pod, ...] | Unknown,
) -> Reading[tuple[ScoredPod, ...]]:
    """Each pod with its answers, where it was the same container all the time: a name says little,
    and a container that ends is followed by another one."""
    if isinstance(after, Unknown):
        return after
    same = {(one.uid, one.restarts, one.image_ids) for one in after}
    asks = [*told, *([_unasked(f"more than {MOST_PODS} pods")] * (len(pods) - len(told)))]
    found = tuple(
        ScoredPod(
            name=pod.name,
            uid=pod.uid,
            template_hash=pod.template_hash,
            image_ids=pod.image_ids,
            node=pod.node,
            asks=said
            if (pod.uid, pod.restarts, pod.image_ids) in same
            else _unasked("its container was replaced, or became unready, while it was asked"),
            computes=computes.get(pod.uid, UNSET),
        )
        for pod, said in zip(pods, asks, strict=True)
    )
    return Known(value=found, source=_SOURCE, at=datetime.now(UTC))


def _unasked(reason: str) -> Unknown:
    return Unknown(why=Why.NOT_ASKED, reason=reason, source=_SOURCE, at=datetime.now(UTC))


class _Asker(NamedTuple):
    """Who asks the pods of one workload."""

    api: KubernetesApi
    namespace: str
    service: ScoredWorkload
    questions: Questions
    end: float
    room: asyncio.Semaphore

    async def pod(self, pod: Pod) -> Reading[tuple[Ask, ...]]:
        """Its answers, in the order of the vectors; unknown where the API server would not ask."""
        async with self.room:
            try:
                asks = await run_in_thread(self._asks, pod.name)
            except ApiError as error:
                at = datetime.now(UTC)
                return Unknown(why=error.why, reason=str(error), source=_SOURCE, at=at)
        if not asks:
            return _unasked(f"there was no time left of {ALL_S:.0f} s")
        return Known(value=asks, source=_SOURCE, at=datetime.now(UTC))

    def _asks(self, pod: str) -> tuple[Ask, ...]:
        found: list[Ask] = []
        for attempt in range(1, self.questions.asks + 1):
            for vector in self.questions.golden.vectors:
                if time.monotonic() > self.end:
                    return tuple(found)
                found.append(self._ask(pod, vector, attempt))
                if found[-1].timed_out:
                    return tuple(found)
        return tuple(found)

    def _ask(self, pod: str, vector: GoldenVector, attempt: int) -> Ask:
        name = f"{pod}:{self.service.port}"
        began = time.monotonic()
        # What was recorded goes on the wire: a body that is made anew has other digits.
        request = Request(
            method="POST",
            path=f"{namespaced('v1', self.namespace, 'pods', name)}/proxy{self.service.path}",
            verb="create",
            resource=f"pods/proxy of {name} in {self.namespace}",
            body=vector.request.encode(),
        )
        status, body, trouble, late = 0, "", "", False
        try:
            status, data = self.api.ask_pod(
                request, self.questions.timeout_ms / 1000, 2 * ANSWER_BYTES
            )
            body = data.decode("utf-8", "replace")
        except ApiError as error:
            if error.why is Why.DENIED:
                raise
            late = error.why is Why.TIME_LIMIT
            trouble = "no answer within the time limit" if late else str(error)[:_SAID]
        answer = ""
        if not trouble and status != _OK:
            trouble = f"HTTP {status}: {one_line(body)[:_SAID] or 'no words'}"
        elif not trouble:
            try:
                answer = canonical_answer(body, self.questions.golden.form)
            except AnswerError as error:
                trouble = str(error)
        return Ask(
            vector=vector.name,
            attempt=attempt,
            ms=int(1000 * (time.monotonic() - began)),
            status=status,
            answer=answer,
            trouble=trouble,
            timed_out=late,
        )
