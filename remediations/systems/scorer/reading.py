"""What was read of scoring services, host by host, in one look: the part `scorer.reading/1`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

from msgspec import UNSET, UnsetType

from remediations.systems.scorer.inventory import ScorerEntry, ScoringEntry
from remediations.systems.scorer.values import (
    Ask,
    Counters,
    EnvironmentFile,
    Health,
    Machine,
    ModelLoaded,
    ModelOnDisk,
    NodeSettings,
    ScorerProcess,
    ScorerUnit,
)
from remediations.values.part import Kinded
from remediations.values.reading import Reading
from remediations.values.record import Record


class ScorerReading(Record, frozen=True, kw_only=True):
    """One service. `counters` are two moments, before and after the vectors were asked; `asks` are
    all questions that were put, in order: those left out for lack of time are not among them.
    `last_line` is what a service that is not there said last; absent in observations of before."""

    host: str
    entry: ScorerEntry
    unit: Reading[ScorerUnit]
    disk: Reading[ModelOnDisk]
    loaded: Reading[ModelLoaded]
    process: Reading[ScorerProcess]
    node: Reading[NodeSettings]
    environment: Reading[EnvironmentFile]
    machine: Reading[Machine]
    health: Reading[Health]
    counters: tuple[Reading[Counters], Reading[Counters]]
    asks: Reading[tuple[Ask, ...]]
    last_line: Reading[str] | UnsetType = UNSET


class ScorersReading(Kinded, frozen=True, kw_only=True, dict=True):
    """All services of an inventory, in its order, and what it declares of them."""

    KIND: ClassVar[str] = "scorer.reading/1"

    scoring: ScoringEntry
    hosts: tuple[ScorerReading, ...]

    def host(self, name: str) -> ScorerReading:
        """The reading of host `name`.

        Raises:
            KeyError: it was not observed, or has no service.
        """
        return self._by_host[name]

    @cached_property
    def _by_host(self) -> Mapping[str, ScorerReading]:
        return {one.host: one for one in self.hosts}
