"""What was read of the pods that score: the part `scoring.pods/1`."""

from __future__ import annotations

from typing import ClassVar

from msgspec import UNSET, UnsetType

from remediations.systems.kubernetes.values import AccessRight
from remediations.systems.scorer.inventory import ScoringEntry
from remediations.systems.scorer.values import Ask, ModelLoaded, Setting
from remediations.systems.scorer.workload import ScoredWorkload
from remediations.values.part import Kinded
from remediations.values.reading import Reading
from remediations.values.record import Record


class Computes(Record, frozen=True, kw_only=True):
    """What the container of a pod computes with: the model that it says it loaded, and those of the
    declared settings that its pod sets by their values."""

    model: Reading[ModelLoaded]
    settings: tuple[Setting, ...]


class ScoredPod(Record, frozen=True, kw_only=True):
    """A ready pod, and what its container answered. It was the same container before it was asked
    and after; of another one nothing is known. `image_ids` are what its containers run; `node` is
    where it is, "" where that was not read. `computes` is read for a diagnosis, not for a gate."""

    name: str
    uid: str
    template_hash: str
    image_ids: tuple[str, ...]
    node: str = ""
    asks: Reading[tuple[Ask, ...]]
    computes: Computes | UnsetType = UNSET


class WorkloadAnswers(Record, frozen=True, kw_only=True):
    """A workload that scores. `target` is its name in plans, `hosts` are those whose nodes ask it;
    `pods` are its ready pods, by name."""

    target: str
    service: ScoredWorkload
    hosts: tuple[str, ...]
    pods: Reading[tuple[ScoredPod, ...]]


class PodsReading(Kinded, frozen=True, kw_only=True):
    """All workloads of an inventory that score, in the order of their names, and the rights that
    asking them takes."""

    KIND: ClassVar[str] = "scoring.pods/1"

    scoring: ScoringEntry
    workloads: tuple[WorkloadAnswers, ...]
    access: tuple[AccessRight, ...]

    def workload(self, target: str) -> WorkloadAnswers | None:
        """The one that is called so in plans; None where that one does not score."""
        return next((one for one in self.workloads if one.target == target), None)
