"""What a run tells while it goes on. The command line shows it; tests listen to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from remediations.engine.apply.look import GateVerdict, Sight
from remediations.engine.plan.plan import Gate, Stage, Step
from remediations.engine.runs.records import StepState


class Progress(Protocol):
    """Called as things happen, in the run's own loop: must return at once."""

    def stage_began(self, stage: Stage) -> None:
        """A stage starts."""
        ...

    def step_is(self, step: Step, state: StepState, said: str) -> None:
        """A step changed its state."""
        ...

    def sampled(self, sight: Sight) -> None:
        """The world was looked at."""
        ...

    def gate_is(self, gate: Gate, verdict: GateVerdict) -> None:
        """A gate was looked at."""
        ...


def show_safely(show: Callable[[], None]) -> bool:
    """Whether `show` showed it. Whatever a display raises stays here, also what would end the
    process (rich answers to a closed pipe with SystemExit).

    A CancelledError is the display's own: that of a task comes at an `await` only.

    Raises:
        KeyboardInterrupt: a person's second Ctrl-C, which may come at any moment.
    """
    try:
        show()
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - showing a run never changes it
        return False
    return True


class SafeProgress:
    """Passes everything on, until the other side fails: then it is silent."""

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        self._broken = False

    def stage_began(self, stage: Stage) -> None:
        """A stage starts."""
        self._tell(lambda: self._inner.stage_began(stage))

    def step_is(self, step: Step, state: StepState, said: str) -> None:
        """A step changed its state."""
        self._tell(lambda: self._inner.step_is(step, state, said))

    def sampled(self, sight: Sight) -> None:
        """The world was looked at."""
        self._tell(lambda: self._inner.sampled(sight))

    def gate_is(self, gate: Gate, verdict: GateVerdict) -> None:
        """A gate was looked at."""
        self._tell(lambda: self._inner.gate_is(gate, verdict))

    def _tell(self, tell: Callable[[], None]) -> None:
        if not self._broken:
            self._broken = not show_safely(tell)
