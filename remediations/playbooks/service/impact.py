"""How many replicas a rollout takes away meanwhile. Pure."""

from __future__ import annotations

from remediations.engine.plan.impact import Effect, Level
from remediations.playbooks.service.situation import ServiceSituation
from remediations.systems.kubernetes.inventory import WorkloadKind
from remediations.systems.kubernetes.values import WorkloadState
from remediations.values.reading import value_or_none


def measure_of(target: str) -> str:
    """What is counted of a workload."""
    return f"available of {target}"


def lowest_during(kind: WorkloadKind, state: WorkloadState) -> int | None:
    """How many are available at worst while it is rolled out; None where that cannot be told."""
    if state.strategy == "Recreate":
        return 0
    if kind is WorkloadKind.STATEFUL_SET:
        return max(0, state.available - 1) if state.strategy == "RollingUpdate" else None
    most = _most_unavailable(state)
    # Pods that are broken already count as unavailable: a rollout takes them first.
    return None if most is None else max(0, min(state.available, state.desired - most))


def _most_unavailable(state: WorkloadState) -> int | None:
    """A number, or a percentage that is rounded down."""
    text = state.unavailable
    share = text.removesuffix("%")
    if not share.isdigit() or len(share) > 6:
        return None
    return int(share) * state.desired // 100 if text.endswith("%") else int(share)


def effects(service: ServiceSituation, target: str) -> tuple[Effect, ...]:
    """A rollout: as many as there are, fewer meanwhile, all that are wanted afterwards."""
    state = service.state(target)
    if state is None:
        return ()
    during = lowest_during(service.workload(target).entry.kind, state)
    return (
        Effect(
            measure=measure_of(target),
            now=state.available,
            during=during or 0,
            after=state.desired,
        ),
    )


def scale_effects(service: ServiceSituation, target: str) -> tuple[Effect, ...]:
    """More or fewer replicas: the pods that stay are left alone."""
    state, wanted = service.state(target), service.replicas
    if state is None or wanted is None:
        return ()
    during = min(state.available, wanted)
    return (Effect(measure=measure_of(target), now=state.available, during=during, after=wanted),)


def levels(service: ServiceSituation) -> tuple[Level, ...]:
    """Every workload that was read."""
    found = []
    for workload in service.reading.workloads:
        state = value_or_none(workload.state)
        if state is not None:
            found.append(
                Level(
                    measure=measure_of(workload.entry.target),
                    now=state.available,
                    total=state.desired,
                    floor=workload.entry.floor,
                )
            )
    return tuple(found)
