"""Pods of a StatefulSet that hold it up although its template was mended. Pure.

Its controller waits for a broken pod to become ready before it replaces any, also where the pod is
of the template that was broken. Mending the template cures nothing then: exactly that pod has to
go, and comes back from the newest template.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import UnsetType

from remediations.playbooks.service.conditions import CRASH_WORDS, IMAGE_WORDS
from remediations.playbooks.service.situation import ServiceSituation
from remediations.systems.kubernetes.inventory import WorkloadKind
from remediations.systems.kubernetes.values import Pod, Workload, WorkloadState
from remediations.values.reading import value_or_none

STUCK_WORDS = CRASH_WORDS | IMAGE_WORDS | {"Unschedulable"}
"""What a pod of a mended template does not get over by itself. One that runs and is not ready may
be starting."""


class StuckPod(NamedTuple):
    """A pod, the revision that it was made from, and the one that it is made anew from."""

    target: str
    workload: Workload
    pod: Pod
    newest: str
    why: str


def stuck_pods(service: ServiceSituation) -> tuple[StuckPod, ...]:
    """The stuck pods of the namespace, of each StatefulSet the one with the highest ordinal first:
    that is the one its controller waits for."""
    found = [one for workload in service.reading.workloads for one in _stuck(service, workload)]
    return tuple(sorted(found, key=lambda one: (one.workload.entry.name, -_ordinal(one.pod))))


def stuck_pod(service: ServiceSituation, target: str) -> StuckPod | None:
    """The one that is called so in plans."""
    return next((one for one in stuck_pods(service) if one.target == target), None)


def _stuck(service: ServiceSituation, workload: Workload) -> Iterator[StuckPod]:
    state = value_or_none(workload.state)
    if state is None or workload.entry.kind is not WorkloadKind.STATEFUL_SET:
        return
    newest = state.update_revision
    if isinstance(newest, UnsetType) or not _rolls(state):
        return
    for pod in state.pods:
        words = set(pod.troubles) & STUCK_WORDS
        old = pod.template_hash not in ("", newest)
        if old and words and not pod.ready and not pod.deleting and _is_updated(state, pod):
            yield StuckPod(
                target=f"pod/{service.reading.namespace}/{pod.name}",
                workload=workload,
                pod=pod,
                newest=newest,
                why=f"{pod.name} is of {pod.template_hash}, the newest is {newest}: {pod.says}",
            )


def _rolls(state: WorkloadState) -> bool:
    return state.strategy == "RollingUpdate" and state.observed >= state.generation


def _is_updated(state: WorkloadState, pod: Pod) -> bool:
    """Whether it comes back from the newest template: below the partition it does not."""
    partition = 0 if isinstance(state.partition, UnsetType) else state.partition
    return _ordinal(pod) >= partition


def _ordinal(pod: Pod) -> int:
    text = pod.name.rpartition("-")[2]
    return int(text) if text.isdigit() and len(text) < 10 else -1
