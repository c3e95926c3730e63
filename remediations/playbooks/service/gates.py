"""What a gate asks, what stood before, and how a look answers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

from remediations.engine.apply.look import GateVerdict, Mark, Point, Sight
from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import Gate, Plan
from remediations.playbooks.scoring.conditions import PodAnswer
from remediations.playbooks.scoring.pods.scores import JudgedWorkload
from remediations.playbooks.service.impact import measure_of
from remediations.playbooks.service.node_gates import (
    Cordoned,
    Moved,
    Replaced,
    judge_cordoned,
    judge_moved,
    judge_replaced,
    owners_of,
)
from remediations.playbooks.service.scored import ScoresBefore, scores_before
from remediations.playbooks.service.situation import ServiceSituation
from remediations.render.formats import name_some
from remediations.systems.kubernetes.values import KubernetesReading, WorkloadState
from remediations.values.part import Kinded, Part
from remediations.values.reading import Unknown, value_or_none
from remediations.values.record import Record

NO_ANSWERS: Mapping[str, JudgedWorkload] = MappingProxyType({})
AGREE = "pods that answer as agreed"


class RolledOut(Kinded, frozen=True, kw_only=True):
    """A gate: the controller has seen a generation after `after`, and updated = wanted = available.
    `image` is what its template names then, "" for any; `replicas` is how many are wanted then, 0
    for any; `scored`: every ready pod gives the agreed answers (`ScoresBefore`)."""

    KIND: ClassVar[str] = "service.rolled-out/1"

    target: str
    after: int
    image: str
    replicas: int = 0
    scored: bool = False


class WorkloadBefore(Record, frozen=True, kw_only=True):
    """A workload when the plan was made."""

    target: str
    uid: str
    available: int
    desired: int


class ServiceBefore(Kinded, frozen=True, kw_only=True):
    """The namespace when the plan was made."""

    KIND: ClassVar[str] = "service.before/1"

    cluster: str
    namespace: str
    owner_period_s: int
    workloads: tuple[WorkloadBefore, ...]


def baseline(service: ServiceSituation, proposal: Proposal[ServiceSituation]) -> tuple[Part, ...]:
    """What gates and checks compare with."""
    found = []
    for workload in service.reading.workloads:
        state = value_or_none(workload.state)
        if state is not None:
            found.append(
                WorkloadBefore(
                    target=workload.entry.target,
                    uid=state.uid,
                    available=state.available,
                    desired=state.desired,
                )
            )
    before = ServiceBefore(
        cluster=service.cluster,
        namespace=service.reading.namespace,
        owner_period_s=service.reading.owner_period_s,
        workloads=tuple(found),
    )
    scores = scores_before(service, _scored(stage.gate.asks for stage in proposal.stages))
    return (Part.of(before), *((Part.of(scores),) if scores is not None else ()))


@dataclass(frozen=True, kw_only=True)
class ServiceLook:
    """The workloads of the plan at one moment (the `Look` protocol); None for one unread.
    `answers` is how the pods of those answer that a gate asks."""

    states: Mapping[str, WorkloadState | None]
    reading: KubernetesReading
    answers: Mapping[str, JudgedWorkload] = field(default_factory=dict)

    @property
    def sight(self) -> Sight:
        """How many of each workload are available, and how many answer as agreed."""
        told = (
            f"{target} {'?' if state is None else f'{state.available}/{state.desired}'}"
            for target, state in self.states.items()
        )
        return Sight(
            headline=", ".join(told),
            points=(
                *(
                    Point(
                        series=measure_of(target),
                        subject="",
                        value=None if state is None else state.available,
                    )
                    for target, state in self.states.items()
                ),
                *(
                    Point(series=AGREE, subject=target, value=one.alike)
                    for target, one in self.answers.items()
                ),
            ),
            marks=tuple(
                Mark(series=measure_of(target), label="wanted", value=state.desired)
                for target, state in self.states.items()
                if state is not None
            ),
        )

    def judge(self, gate: Gate) -> GateVerdict:
        """Whether the rollout is complete; says why it is stuck in the pods' own words.

        Raises:
            ValueError: it is no gate of ours.
        """
        if gate.asks.kind == Cordoned.KIND:
            return judge_cordoned(gate.asks.read(Cordoned), self.reading)
        if gate.asks.kind == Moved.KIND:
            moved = gate.asks.read(Moved)
            verdict = judge_moved(moved, self.reading)
            if not (verdict.open and moved.scored):
                return verdict
            answers = self.answers.get(moved.scored)
            return judge_answers(verdict, answers and answers.off(moved.node), one_is_enough=True)
        if gate.asks.kind == Replaced.KIND:
            replaced = gate.asks.read(Replaced)
            why = self._unread(replaced.workload)
            return judge_replaced(replaced, self.states.get(replaced.workload), why)
        asked = gate.asks.read(RolledOut)
        state = self.states.get(asked.target)
        rollout = judge_rollout(asked, state, self._unread(asked.target))
        if not (rollout.open and asked.scored):
            return rollout
        # Of what is scaled, the pods that are there stay: none is about to be replaced.
        stays = bool(asked.replicas)
        return judge_answers(rollout, self.answers.get(asked.target), one_is_enough=stays)

    def _unread(self, target: str) -> str:
        """Why a workload was not read; "" where it was."""
        states = (one.state for one in self.reading.workloads if one.entry.target == target)
        return next((one.reason for one in states if isinstance(one, Unknown)), "")


def judge_rollout(asked: RolledOut, state: WorkloadState | None, why: str = "") -> GateVerdict:
    """Whether a rollout is complete. What the status says counts from the generation on that its
    controller has seen. `why` is the reason where it was not read."""
    if state is None:
        return GateVerdict(open=False, seen=f"not read: {why}" if why else "not read")
    if state.generation <= asked.after or state.observed < state.generation:
        seen = f"the controller has seen generation {state.observed} of {state.generation}"
        return GateVerdict(open=False, seen=seen)
    images = [one.image for one in state.images]
    if asked.image and asked.image not in images:
        return GateVerdict(open=False, seen=f"its template names {', '.join(images)}")
    if asked.replicas and asked.replicas != state.desired:
        seen = f"{state.desired} replicas are wanted, not {asked.replicas}"
        return GateVerdict(open=False, seen=seen)
    counts = (
        f"{state.updated} updated, {state.available} available, {state.total} in all, of "
        f"{state.desired}"
    )
    if state.settled:
        return GateVerdict(open=True, seen=counts)
    return GateVerdict(open=False, seen=f"{counts}; {state.stuck_says}".removesuffix("; "))


def judge_answers(
    rollout: GateVerdict, answers: JudgedWorkload | None, *, one_is_enough: bool = False
) -> GateVerdict:
    """Whether the pods of a workload that is rolled out give the agreed answers. It is hopeless
    where each of them answers otherwise: what they compute with does not change by waiting. Where
    none of them is about to be replaced, `one_is_enough`."""
    if answers is None:
        return GateVerdict(open=False, seen=f"{rollout.seen}; its pods were not asked")
    seen = f"{rollout.seen}; {answers.cause}"
    if answers.answer is PodAnswer.ALIKE:
        return GateVerdict(open=True, seen=seen)
    odd = [one.pod.name for one in answers.pods if one.answer is PodAnswer.OTHERWISE]
    all_odd, hopeless = bool(odd) and len(odd) == len(answers.pods), ""
    if all_odd or (odd and one_is_enough):
        who = "every pod" if all_odd else name_some(odd)
        hopeless = f"answers otherwise than agreed: {who}"
    return GateVerdict(open=False, seen=seen, hopeless=hopeless)


def look_at(
    before: ServiceBefore,
    reading: KubernetesReading,
    answers: Mapping[str, JudgedWorkload] = NO_ANSWERS,
) -> ServiceLook:
    """The workloads of the plan, in its order."""
    now = {one.entry.target: value_or_none(one.state) for one in reading.workloads}
    states = {one.target: now.get(one.target) for one in before.workloads}
    return ServiceLook(states=states, reading=reading, answers=answers)


def scored_in(plan: Plan) -> frozenset[str]:
    """The workloads whose pods the gates of a plan ask."""
    return _scored(stage.gate.asks for stage in plan.stages)


def _scored(gates: Iterable[Part]) -> frozenset[str]:
    found = set()
    for asks in gates:
        if asks.kind == RolledOut.KIND and (rollout := asks.read(RolledOut)).scored:
            found.add(rollout.target)
        elif asks.kind == Moved.KIND:
            found.add(asks.read(Moved).scored)
    return frozenset(found - {""})


def scores_in(plan: Plan) -> ScoresBefore | None:
    """What the gates and checks of a plan ask of pods; None where they ask nothing."""
    return plan.part(ScoresBefore) if scored_in(plan) else None


def owners_in(plan: Plan) -> frozenset[str]:
    """The controllers whose pods the gates of a plan ask for."""
    asks = [stage.gate.asks for stage in plan.stages]
    cordoned = tuple(one.read(Cordoned) for one in asks if one.kind == Cordoned.KIND)
    moved = tuple(one.read(Moved) for one in asks if one.kind == Moved.KIND)
    return owners_of((*cordoned, *moved))
