"""What a gate asks, what stood before, and how a look answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from remediations.engine.apply.look import GateVerdict, Mark, Point, Sight
from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import Gate, Plan
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
from remediations.playbooks.service.situation import ServiceSituation
from remediations.systems.kubernetes.values import KubernetesReading, WorkloadState
from remediations.values.part import Kinded, Part
from remediations.values.reading import Unknown, value_or_none
from remediations.values.record import Record


class RolledOut(Kinded, frozen=True, kw_only=True):
    """A gate: the controller has seen a generation after `after`, and updated = wanted = available.
    `image` is what its template names then, "" for any; `replicas` is how many are wanted then, 0
    for any."""

    KIND: ClassVar[str] = "service.rolled-out/1"

    target: str
    after: int
    image: str
    replicas: int = 0


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


def baseline(service: ServiceSituation, _proposal: Proposal[ServiceSituation]) -> tuple[Part, ...]:
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
    return (Part.of(before),)


@dataclass(frozen=True, kw_only=True)
class ServiceLook:
    """The workloads of the plan at one moment (the `Look` protocol); None for one unread."""

    states: Mapping[str, WorkloadState | None]
    reading: KubernetesReading

    @property
    def sight(self) -> Sight:
        """How many of each workload are available."""
        told = (
            f"{target} {'?' if state is None else f'{state.available}/{state.desired}'}"
            for target, state in self.states.items()
        )
        return Sight(
            headline=", ".join(told),
            points=tuple(
                Point(
                    series=measure_of(target),
                    subject="",
                    value=None if state is None else state.available,
                )
                for target, state in self.states.items()
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
            return judge_moved(gate.asks.read(Moved), self.reading)
        if gate.asks.kind == Replaced.KIND:
            replaced = gate.asks.read(Replaced)
            why = self._unread(replaced.workload)
            return judge_replaced(replaced, self.states.get(replaced.workload), why)
        asked = gate.asks.read(RolledOut)
        return judge_rollout(asked, self.states.get(asked.target), self._unread(asked.target))

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


def look_at(before: ServiceBefore, reading: KubernetesReading) -> ServiceLook:
    """The workloads of the plan, in its order."""
    now = {one.entry.target: value_or_none(one.state) for one in reading.workloads}
    states = {one.target: now.get(one.target) for one in before.workloads}
    return ServiceLook(states=states, reading=reading)


def owners_in(plan: Plan) -> frozenset[str]:
    """The controllers whose pods the gates of a plan ask for."""
    asks = [stage.gate.asks for stage in plan.stages]
    cordoned = tuple(one.read(Cordoned) for one in asks if one.kind == Cordoned.KIND)
    moved = tuple(one.read(Moved) for one in asks if one.kind == Moved.KIND)
    return owners_of((*cordoned, *moved))
