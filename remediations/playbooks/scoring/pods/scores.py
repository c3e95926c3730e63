"""What the answers of pods amount to, held against the agreed ones. Pure.

A pod that is ready says nothing of what it answers: `/health` is static. One that answers otherwise
gives the validators that ask it another state (docs/rules/hazards.md#another-score).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from remediations.playbooks.scoring.conditions import PodAnswer
from remediations.playbooks.scoring.diagnose.view import AnswerKey, digest_of
from remediations.playbooks.scoring.pods.differs import what_differs
from remediations.render.formats import count_of, name_some
from remediations.systems.scorer.values import Ask, GoldenVectors, Setting
from remediations.systems.scoringpods.reading import ScoredPod, WorkloadAnswers
from remediations.values.reading import Unknown


class JudgedPod(NamedTuple):
    """A pod: how it answers, and why in a few words. `key` is its one answer to every vector, None
    where one is missing, or there are several."""

    pod: ScoredPod
    answer: PodAnswer
    cause: str
    key: AnswerKey | None


class JudgedWorkload(NamedTuple):
    """A workload: how its pods answer, why in one sentence, and its pods."""

    answer: PodAnswer
    cause: str
    pods: tuple[JudgedPod, ...]

    @property
    def alike(self) -> int | None:
        """How many give the agreed answers; None where no pod was asked."""
        return sum(one.answer is PodAnswer.ALIKE for one in self.pods) if self.pods else None

    def off(self, node: str) -> JudgedWorkload:
        """The same of its pods on other nodes; where it was not asked, as it is."""
        return _summed([one for one in self.pods if one.pod.node != node]) if self.pods else self


def judge_workload_answers(
    workload: WorkloadAnswers, golden: GoldenVectors | None, declared: Sequence[Setting] = ()
) -> JudgedWorkload:
    """How the pods of a workload answer. `golden` has the agreed answers, None where none are; with
    the `declared` settings the cause says what tells apart those that answer otherwise."""
    if isinstance(workload.pods, Unknown):
        return JudgedWorkload(PodAnswer.UNREAD, workload.pods.reason, ())
    judged = _summed([judge_pod(one, golden) for one in workload.pods.value])
    if judged.answer is not PodAnswer.OTHERWISE:
        return judged
    odd, alike = (
        [one.pod for one in judged.pods if one.answer is word]
        for word in (PodAnswer.OTHERWISE, PodAnswer.ALIKE)
    )
    told = what_differs(odd, alike, golden, declared)
    return judged._replace(cause=f"{judged.cause}; {told}") if told else judged


def _summed(judged: Iterable[JudgedPod]) -> JudgedWorkload:
    pods = tuple(judged)
    if not pods:
        return JudgedWorkload(PodAnswer.UNREAD, "it has no ready pod to ask", ())
    worst = next(word for word in PodAnswer if any(one.answer is word for one in pods))
    those = [one for one in pods if one.answer is worst]
    if worst is PodAnswer.ALIKE:
        told = f"{count_of(len(pods), 'ready pod')} give the agreed answers to every vector"
        return JudgedWorkload(worst, told, pods)
    causes = name_some([f"{one.pod.name}: {one.cause}" for one in those], 3)
    return JudgedWorkload(
        worst, f"{len(those)} of {count_of(len(pods), 'ready pod')}: {causes}", pods
    )


def judge_pod(pod: ScoredPod, golden: GoldenVectors | None) -> JudgedPod:
    """How one pod answers. One that answers one vector otherwise answers otherwise, whatever it
    says to the others, or does not say."""
    if isinstance(pod.asks, Unknown):
        return JudgedPod(pod, PodAnswer.UNREAD, pod.asks.reason, None)
    asks = pod.asks.value
    given = _by_vector(asks)
    varies = [name for name, answers in given.items() if len(answers) > 1]
    if varies:
        cause = f"several answers to {name_some(varies, 2)}"
        return JudgedPod(pod, PodAnswer.OTHERWISE, cause, None)
    troubles = [one.trouble for one in asks if one.trouble]
    names = () if golden is None else tuple(one.name for one in golden.vectors)
    key = tuple(given[name][0] for name in names) if all(n in given for n in names) else None
    wanted = {} if golden is None else {one.name: one.answer for one in golden.vectors}
    odd = [name for name, (answer, *_) in given.items() if answer != wanted.get(name, answer)]
    if odd:
        cause = f"another answer to {name_some(odd, 2)}{_of(key)}"
        return JudgedPod(pod, PodAnswer.OTHERWISE, cause, key)
    if troubles:
        return JudgedPod(pod, PodAnswer.SILENT, troubles[0], None)
    if golden is None:
        return JudgedPod(pod, PodAnswer.UNREAD, "no answer is agreed to compare with", key)
    if key is None:
        return JudgedPod(pod, PodAnswer.UNREAD, "not every vector was asked", None)
    return JudgedPod(pod, PodAnswer.ALIKE, "the agreed answers", key)


def own_key(pod: ScoredPod, names: tuple[str, ...]) -> AnswerKey | None:
    """A pod's one answer to each of these vectors; None where one is missing, failed once, or there
    are several. What is agreed does not matter to it."""
    if isinstance(pod.asks, Unknown) or any(one.trouble for one in pod.asks.value):
        return None
    given = _by_vector(pod.asks.value)
    if any(len(given.get(name, ())) != 1 for name in names):
        return None
    return tuple(given[name][0] for name in names)


def common_key(workload: WorkloadAnswers, names: tuple[str, ...]) -> AnswerKey | None:
    """The answers that every ready pod of a workload gives, so whoever asks it gets; None where
    they differ, one does not answer, or there are none."""
    if isinstance(workload.pods, Unknown):
        return None
    keys = {own_key(one, names) for one in workload.pods.value}
    return next(iter(keys)) if len(keys) == 1 else None


def _of(key: AnswerKey | None) -> str:
    return "" if key is None else f" ({digest_of(key)[:12]})"


def _by_vector(asks: tuple[Ask, ...]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for one in asks:
        if one.answer:
            found.setdefault(one.vector, {})[one.answer] = None
    return {vector: tuple(answers) for vector, answers in found.items()}
