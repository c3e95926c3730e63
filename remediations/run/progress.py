"""What a run tells while it goes on. The command line shows it; tests listen to it."""

from __future__ import annotations

from typing import Protocol

from remediations.plan.plan import Command, Gate, Stage
from remediations.run.records import CommandState
from remediations.run.snapshot import Snapshot


class Progress(Protocol):
    """Called as things happen, in the run's own loop: must return at once."""

    def stage_began(self, stage: Stage) -> None:
        """A stage starts."""
        ...

    def command_is(self, stage: Stage, command: Command, state: CommandState, said: str) -> None:
        """A command changed its state."""
        ...

    def sampled(self, snapshot: Snapshot) -> None:
        """The chain was looked at."""
        ...

    def gate_is(self, gate: Gate, *, open_: bool, seen: str) -> None:
        """A gate was looked at."""
        ...
