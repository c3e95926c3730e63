"""What is wrong with a workload: one condition, from what was read of it. Pure.

What the status says is of the generation that the controller has observed. While that is behind,
nothing is concluded: a condition that a former rollout left behind would be taken for this one's
(K2).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from remediations.engine.find.finding import Health
from remediations.playbooks.scoring.conditions import PodAnswer
from remediations.playbooks.scoring.pods.scores import JudgedWorkload
from remediations.systems.kubernetes.values import Pod, Workload, WorkloadState
from remediations.values.reading import Unknown

IMAGE_WORDS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
)
CRASH_WORDS = frozenset(
    {
        *("CrashLoopBackOff", "OOMKilled", "Error", "RunContainerError", "StartError"),
        *("CreateContainerError", "CreateContainerConfigError", "ContainerCannotRun"),
    }
)
"""The API's own words for how a container stands or ended."""


class WorkloadCondition(StrEnum):
    """rules/conditions.md has each."""

    UNREAD = "workload-unread"
    UNSEEN = "generation-unseen"
    PAUSED = "rollout-paused"
    NONE_WANTED = "scaled-to-zero"
    INIT_FAILS = "init-container-fails"
    PROBED = "ended-by-its-probe"
    NO_IMAGE = "image-not-pulled"
    CRASHES = "containers-crash"
    UNREADY = "pods-unready"
    ROLLING = "rollout-under-way"
    SKEW = "image-skew"
    OTHERWISE = "answers-otherwise"
    SILENT = "answers-missing"
    WELL = "rolled-out"


class Judged(NamedTuple):
    """A condition, its health, and why in one sentence."""

    condition: WorkloadCondition
    health: Health
    cause: str


_BY_ANSWER = {
    PodAnswer.OTHERWISE: Judged(WorkloadCondition.OTHERWISE, Health.DEGRADED, ""),
    PodAnswer.SILENT: Judged(WorkloadCondition.SILENT, Health.DEGRADED, ""),
}
_SERVES = (WorkloadCondition.WELL, WorkloadCondition.ROLLING)


def judge_workload(workload: Workload, scored: JudgedWorkload | None = None) -> Judged:
    """What is wrong with it, the gravest first. `scored` is what its pods answer, None where it is
    no scoring service: of one that serves, its answers decide, and nothing that a status says."""
    state = workload.state
    if isinstance(state, Unknown):
        return Judged(WorkloadCondition.UNREAD, Health.UNKNOWN, state.reason)
    judged = _judge(state.value)
    if scored is None or judged.condition not in _SERVES:
        return judged
    by_answer = _BY_ANSWER.get(scored.answer)
    if by_answer is None:
        return judged._replace(cause=f"{judged.cause}; {scored.cause}")
    return by_answer._replace(cause=f"{scored.cause}; {judged.cause}")


def _judge(state: WorkloadState) -> Judged:
    if state.observed < state.generation:
        cause = (
            f"its controller has seen generation {state.observed} of {state.generation}: what its "
            "status says is of an older one"
        )
        return Judged(WorkloadCondition.UNSEEN, Health.UNKNOWN, cause)
    if state.desired == 0:
        return Judged(WorkloadCondition.NONE_WANTED, Health.DOWN, "no replica is wanted")
    counts = (
        f"{state.available} of {state.desired} available, {state.updated} of the newest template"
    )
    broken = Health.DEGRADED if state.available else Health.DOWN
    if state.paused:
        cause = f"somebody has paused its rollout; {counts}"
        return Judged(WorkloadCondition.PAUSED, broken, cause)
    if not state.settled:
        why = (counts, state.ending_probe, state.stuck_says)
        cause = "; ".join(one for one in why if one)
        return Judged(_stuck(state), broken, cause)
    skew = skewed(state)
    if skew:
        cause = f"pods of one template run different bytes: {', '.join(skew)}"
        return Judged(WorkloadCondition.SKEW, Health.DEGRADED, cause)
    return Judged(WorkloadCondition.WELL, Health.WELL, counts)


def _stuck(state: WorkloadState) -> WorkloadCondition:
    if state.failing_inits:
        return WorkloadCondition.INIT_FAILS
    if state.troubles & IMAGE_WORDS:
        return WorkloadCondition.NO_IMAGE
    if state.ending_probe:
        return WorkloadCondition.PROBED
    if state.troubles & CRASH_WORDS:
        return WorkloadCondition.CRASHES
    if state.available < state.desired or state.deadline_exceeded:
        return WorkloadCondition.UNREADY
    return WorkloadCondition.ROLLING


def skewed(state: WorkloadState) -> tuple[str, ...]:
    """The digests that ready pods of one template run for one container, where they are several:
    a tag is not a version. The same bytes under two names are none."""
    seen: dict[tuple[str, int], set[str]] = {}
    for pod in state.pods:
        if pod.ready and not pod.deleting:
            for index, image in enumerate(pod.image_ids):
                seen.setdefault((pod.template_hash, index), set()).add(_digest(image))
    several = (found for found in seen.values() if len(found) > 1)
    return tuple(sorted({one for found in several for one in found}))


def running_digests(state: WorkloadState) -> tuple[str, ...]:
    """What the pods that are not ending run."""
    pods: list[Pod] = [pod for pod in state.pods if not pod.deleting]
    return tuple(sorted({_digest(image) for pod in pods for image in pod.image_ids if image}))


def _digest(image: str) -> str:
    return image.rpartition("@")[2]
