"""What a run reports while it goes on. The command line shows it, and tests listen to it.

The rules of the protocol:

1. Methods are called in the event loop of the run, in the order of the events. They return at once.
2. They only show: nothing that a display does or raises changes the run. After its first error it
   is not called again (`SafeProgress`).
3. A look that shows nothing new is reported as well; a display compares it with the last one
   itself.

A complete display, for a list of lines:

    class Lines:
        def __init__(self) -> None:
            self.lines: list[str] = []

        def stage_began(self, stage: Stage) -> None:
            self.lines.append(f"stage {stage.number}")

        def step_is(self, step: Step, state: StepState, said: str) -> None:
            self.lines.append(f"{step.id} {state}")

        def sampled(self, sight: Sight) -> None:
            self.lines.append(sight.headline)

        def gate_is(self, gate: Gate, verdict: GateVerdict) -> None:
            self.lines.append("open" if verdict.open else "shut")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from remediations.engine.apply.look import GateVerdict, Sight
from remediations.engine.plan.plan import Gate, Stage, Step
from remediations.engine.runs.records import StepState


class Progress(Protocol):
    """Receives what happens in a run, by the rules above."""

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
    """Call `show`, and return whether it succeeded. Any exception of a display ends here, even one
    that would end the process (rich raises SystemExit on a closed pipe).

    A CancelledError comes from the display: that of a task is raised at an `await` only.

    Raises:
        KeyboardInterrupt: a person's second Ctrl-C, which may come at any time.
    """
    try:
        show()
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - showing a run never changes it
        return False
    return True


class SafeProgress:
    """Passes all calls on until one fails, and none after that."""

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
