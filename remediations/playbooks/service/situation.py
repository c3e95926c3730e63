"""The situation: what was read of the namespace, and what may be acted on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from remediations.engine.domain import Inputs
from remediations.engine.observe.observation import Observation
from remediations.playbooks.scoring.conditions import PodAnswer
from remediations.playbooks.scoring.pods.agreed import AgreedScores, agreed_scores
from remediations.playbooks.scoring.pods.scores import JudgedWorkload
from remediations.playbooks.service.conditions import Judged, judge_workload
from remediations.render.formats import count_of
from remediations.systems.kubernetes.inventory import WorkloadRole
from remediations.systems.kubernetes.node_values import Node, NodePod, NodeState
from remediations.systems.kubernetes.preview import candidate_images, version_image
from remediations.systems.kubernetes.values import (
    KubernetesReading,
    Workload,
    WorkloadState,
)
from remediations.values.reading import value_or_none
from remediations.values.record import Moment

DIGEST_INPUT, NODE_INPUT, REPLICAS_INPUT = "digest", "node", "replicas"


class LastGood(NamedTuple):
    """An image that a workload can go back to, and how it is known to be good."""

    image: str
    why: str


@dataclass(frozen=True, kw_only=True)
class ServiceSituation:
    """A namespace, which of its workloads may be acted on (`only`, empty for all), what people
    chose (`inputs`), and when it was read. `scores` is what the workloads answer that score, None
    where none does."""

    reading: KubernetesReading
    at: Moment
    only: frozenset[str]
    inputs: Inputs = field(default_factory=dict)
    scores: AgreedScores | None = None

    @property
    def cluster(self) -> str:
        """Which cluster it is; `unknown` where that was not read."""
        return value_or_none(self.reading.cluster) or "unknown"

    @property
    def workloads(self) -> tuple[Workload, ...]:
        """Those that may be acted on."""
        every = self.reading.workloads
        return tuple(one for one in every if not self.only or one.entry.target in self.only)

    def judged(self, workload: Workload) -> Judged:
        """What is wrong with one."""
        return judge_workload(workload, self.scored(workload.entry.target))

    def scored(self, target: str) -> JudgedWorkload | None:
        """How the pods of a workload answer; None where it is no scoring service, as far as the
        inventory says."""
        return None if self.scores is None else self.scores.judged.get(target)

    def workload(self, target: str) -> Workload:
        """The workload that is called so in plans."""
        return self.reading.workload(target)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of the inventory that may be acted on."""
        every = self.reading.declared_nodes
        return tuple(one for one in every if not self.only or one.target in self.only)

    def node(self, target: str) -> NodeState | None:
        """What was read of the node that is called so in plans, None if nothing."""
        those = {one.target: one for one in self.reading.declared_nodes}
        return value_or_none(those[target].state) if target in those else None

    def pod_on_node(self, target: str) -> tuple[NodeState, NodePod] | None:
        """The pod that is called so in plans, with its node; None if it is on none that was
        read."""
        for one in self.reading.declared_nodes:
            state = value_or_none(one.state)
            for pod in () if state is None else state.pods:
                if pod.target == target:
                    assert state is not None
                    return state, pod
        return None

    def workload_of(self, pod_uid: str) -> Workload | None:
        """The workload of the inventory that a pod belongs to, None for none of them."""
        for workload in self.reading.workloads:
            state = value_or_none(workload.state)
            if state is not None and any(pod.uid == pod_uid for pod in state.pods):
                return workload
        return None

    def scored_of(self, pod_uid: str) -> str:
        """The workload that a pod belongs to, as plans call it, where that one scores; else ""."""
        workload = self.workload_of(pod_uid)
        target = "" if workload is None else workload.entry.target
        return target if target and self.scored(target) is not None else ""

    def state(self, target: str) -> WorkloadState | None:
        """What was read of it, None if nothing."""
        return value_or_none(self.workload(target).state)

    def shared_mounts(self, target: str) -> tuple[str, ...] | None:
        """What a validator's workload mounts that another validator's workload mounts, too, each
        with that one; None where another one was not read."""
        own, found = self.state(target), []
        for one in self.reading.workloads:
            if one.entry.role is not WorkloadRole.VALIDATOR or one.entry.target == target:
                continue
            other = value_or_none(one.state)
            if own is None or other is None:
                return None
            both = sorted(set(own.mounts) & set(other.mounts))
            found += [f"{mount} of {one.entry.target}, too" for mount in both]
        return tuple(found)

    @property
    def replicas(self) -> int | None:
        """The number that people chose, None where they chose none."""
        chosen = self.inputs.get(REPLICAS_INPUT)
        return None if chosen is None else int(chosen)

    def preview_line(self, target: str, deploy: str, image: str) -> tuple[str, ...]:
        """One line of how much the API server makes of a patch; none where it was not tried."""
        preview = self.reading.preview(target, deploy, image)
        shown = value_or_none(preview.shown) if preview is not None else None
        if not shown:
            return ()
        number = count_of(shown.count("; ") + 1, "change")
        return (f"{target}: preview: {number}, `remediate show --verbose`",)

    def last_good(self, workload: Workload) -> LastGood | None:
        """The image to go back to: the one that people chose, the one that the inventory calls
        good, or the one that serves now under an older template. Never by revision number or age:
        numbers move after an undo, and nothing says that what is older is better."""
        state = value_or_none(workload.state)
        if state is None:
            return None
        candidates = candidate_images(workload.entry, state)
        chosen = self.inputs.get(DIGEST_INPUT) or workload.entry.good
        if chosen is not None:
            named = next((one for one in candidates if one.endswith(f"@{chosen}")), None)
            said = "you chose it" if DIGEST_INPUT in self.inputs else "the inventory calls it good"
            return LastGood(named, said) if named else None
        serving = {
            image.image: revision
            for revision in state.revisions
            if revision.ready
            and revision.hash not in self._answer_otherwise(workload.entry.target)
            and (image := version_image(workload.entry, revision.images))
            and image.image in candidates
        }
        if len(serving) != 1:
            return None
        ((found, revision),) = serving.items()
        return LastGood(found, f"{revision.ready} ready of template {revision.hash} serve with it")

    def answers_otherwise(self, target: str, image: str) -> tuple[str, ...]:
        """The ready pods that run an image, and answer otherwise than agreed."""
        scored, digest = self.scored(target), image.rpartition("@")[2]
        pods = () if scored is None else scored.pods
        odd = [one.pod for one in pods if one.answer is PodAnswer.OTHERWISE]
        return tuple(p.name for p in odd if any(i.endswith(f"@{digest}") for i in p.image_ids))

    def _answer_otherwise(self, target: str) -> frozenset[str]:
        """The templates whose ready pods answer otherwise: that they serve vouches for nothing."""
        scored = self.scored(target)
        pods = () if scored is None else scored.pods
        return frozenset(one.pod.template_hash for one in pods if one.answer is PodAnswer.OTHERWISE)


def has_cluster(observation: Observation) -> bool:
    """Whether a cluster was looked at."""
    return observation.part(KubernetesReading.KIND) is not None


def situation(observation: Observation, only: frozenset[str]) -> ServiceSituation:
    """What was read of the namespace.

    Raises:
        UsageError: the observation has none that this version can read.
    """
    reading = observation.read(KubernetesReading)
    return ServiceSituation(
        reading=reading, at=observation.began, only=only, scores=agreed_scores(observation)
    )
