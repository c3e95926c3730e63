"""Systems that failed while they looked: what they would have read is not known.

A remote system never raises (engine.system). One of another package that does must not keep the
others from being read, and must not be silent: the observation says which one it was.
"""

from __future__ import annotations

from typing import ClassVar

from remediations.engine.observe.observation import Observation
from remediations.values.part import Kinded
from remediations.values.record import Record


class FailedSystem(Record, frozen=True, kw_only=True):
    """One of them: its name, the kind of what it would have read, and how it failed."""

    name: str
    kind: str
    reason: str


class FailedSystems(Kinded, frozen=True, kw_only=True):
    """All of them. An observation in which none failed does not have this part."""

    KIND: ClassVar[str] = "engine.unread/1"

    systems: tuple[FailedSystem, ...]


def failed_systems(observation: Observation) -> tuple[FailedSystem, ...]:
    """The systems that failed in this look.

    Raises:
        UsageError: the part that says so has another form.
    """
    if observation.part(FailedSystems.KIND) is None:
        return ()
    return observation.read(FailedSystems).systems
