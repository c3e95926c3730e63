"""Pairs of observations, and their difference as this package's domains conclude it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from remediations.engine.catalogue import catalogue
from remediations.engine.diff.difference import ObservationDiff, compare_observations
from remediations.engine.observe.observation import Observation, Scope
from remediations.machine.config import MachineConfig
from remediations.systems.comet.reading import CometReading, sealed
from remediations.values.part import Part
from tests import worlds

LATER = timedelta(minutes=2)


def later(world: CometReading) -> Observation:
    """The world as an observation that was made two minutes after the worlds' usual time."""
    seen = sealed(world)
    return replace(seen, began=seen.began + LATER, ended=seen.ended + LATER)


def difference(before: CometReading, after: CometReading) -> ObservationDiff:
    """What changed from one world to another two minutes later."""
    return of_observations(sealed(before), later(after))


def of_observations(before: Observation, after: Observation) -> ObservationDiff:
    return compare_observations(catalogue(MachineConfig()).domains, before, after)


def room(**lamps: Any) -> Observation:  # noqa: ANN401 - readings as trees of JSON
    """An observation of a system that is not installed here: lamps by their name."""
    value = {"lamps": [{"name": name, "state": state} for name, state in lamps.items()]}
    empty = worlds.healthy()
    return Observation(
        format=4,
        tool="test",
        scope=Scope.FULL,
        began=empty.began,
        ended=empty.ended,
        inventory_digest="0" * 64,
        logins=(),
        parts=(Part(kind="lamp.reading/1", value=value),),
    )


def known(value: Any, at: str = "2026-11-25T12:00:00Z") -> dict[str, Any]:  # noqa: ANN401
    return {"reading": "known", "value": value, "source": "a switch", "at": at}


def unknown(reason: str, at: str = "2026-11-25T12:00:00Z") -> dict[str, Any]:
    return {"reading": "unknown", "why": "failed", "reason": reason, "source": "a", "at": at}
