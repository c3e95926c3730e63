"""What the engine knows of a target: steps that are launched once, probed, and settled.

A driver carries steps out on one kind of target. Ordering, barriers, gates and the journal are
written once, in the engine, for all drivers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from remediations.engine.plan.plan import Command


class Sighted(StrEnum):
    """What a target says of one step."""

    NOT_STARTED = "not-started"
    RUNNING = "running"
    DONE = "done"
    UNKNOWN = "unknown"  # it was claimed, has no result, and does not run
    VOIDED = "voided"  # it can never start any more


@dataclass(frozen=True, kw_only=True)
class StepId:
    """One command of one plan on one target: the name under which it happens at most once."""

    plan: str
    step: str

    def __str__(self) -> str:
        return self.step


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """A step as it was found. `exit_status` only when done."""

    state: Sighted
    exit_status: int | None = None
    output: str = ""
    error_output: str = ""


class Driver(Protocol):
    """Carries out steps. Every method raises `HostUnreachable` when it was not heard."""

    async def launch(self, step: StepId, command: Command) -> None:
        """Start the step. Returns before it ends.

        Raises:
            Locked: it was claimed before.
            Refused: the target started nothing, and never will for this launch.
            PartlyApplied: it failed, which alone does not prove that nothing started.
        """
        ...

    async def probe(self, step: StepId, command: Command) -> Sighting:
        """How the step stands."""
        ...

    async def void(self, step: StepId, command: Command) -> Sighting:
        """Make sure that a step that has not started never does; how it stands then."""
        ...

    async def holds(self, command: Command) -> bool:
        """Whether the command's effect is there, by its own declared probe."""
        ...
