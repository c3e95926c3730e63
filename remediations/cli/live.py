"""The live display of an application: what the last look showed, and the state of every step.

In a terminal one panel is redrawn; elsewhere (a pipe, CI, `-v`) each change is one line.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.text import Text

from remediations.cli.log import logs_to_stderr
from remediations.engine.apply.look import GateVerdict, Sight
from remediations.engine.apply.progress import show_safely
from remediations.engine.plan.plan import Gate, Plan, Stage, Step
from remediations.engine.runs.records import StepState
from remediations.render.console import BAD, DIM, GOOD, STRONG
from remediations.render.printable import one_line

STYLES = {
    StepState.DONE: GOOD,
    StepState.FAILED: BAD,
    StepState.UNKNOWN: BAD,
    StepState.STARTED: STRONG,
}


class LiveDisplay:
    """Shows a run on standard error (the `Progress` protocol)."""

    def __init__(self, plan: Plan, *, quiet: bool) -> None:
        self._plan = plan
        self._console = Console(stderr=True, highlight=False, quiet=quiet, markup=False)
        self._live: Live | None = None
        self._stage: Stage | None = None
        self._steps: dict[str, tuple[Step, StepState]] = {}
        self._headline = "nothing was seen yet"
        self._gate = ""

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the display while the block runs. It never ends the block."""
        if not self._console.is_terminal or self._console.is_dumb_terminal or logs_to_stderr():
            yield
            return
        live = Live(self._panel(), console=self._console, refresh_per_second=4)
        if show_safely(live.start):
            self._live = live
        try:
            yield
        finally:
            show_safely(self._refresh)
            show_safely(live.stop)
            self._live = None

    def stage_began(self, stage: Stage) -> None:
        """A stage starts."""
        self._stage = stage
        self._say(f"stage {stage.number} of {len(self._plan.stages)}: {stage.title}")

    def step_is(self, step: Step, state: StepState, said: str) -> None:
        """A step changed its state."""
        self._steps[step.id] = (step, state)
        what = f"{step.target}: {step.operation}"
        self._say(f"  {step.id} {what} {state}{': ' if said else ''}{said}")

    def sampled(self, sight: Sight) -> None:
        """The world was looked at."""
        before, self._headline = self._headline, sight.headline
        if before != sight.headline:
            self._say(f"  {self._headline}")

    def gate_is(self, gate: Gate, verdict: GateVerdict) -> None:
        """A gate was looked at."""
        self._gate = f"{'open' if verdict.open else 'waiting'}: {gate.title}"
        if verdict.open:
            self._say(f"  gate open: {gate.title} ({verdict.seen})")

    def _say(self, text: str) -> None:
        if self._live is None:
            self._console.print(one_line(f"{datetime.now(UTC):%H:%M:%S} {text}"))
        else:
            self._refresh()

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(self._panel())

    def _panel(self) -> Text:
        text = Text()
        if self._stage is not None:
            text.append(one_line(f"stage {self._stage.number}: {self._stage.title}"), style=STRONG)
            text.append("\n")
        text.append(one_line(f"  {self._headline}"))
        text.append("\n")
        for step, state in self._steps.values():
            text.append(one_line(f"  {step.id:<5} {step.target:<12} "))
            text.append(f"{state}\n", style=STYLES.get(state, DIM))
        if self._gate:
            text.append(one_line(f"  gate {self._gate}"), style=DIM)
            text.append("\n")
        text.append("  Ctrl-C stops: nothing more is started, what runs is named", style=DIM)
        return text


def to_stderr(text: str) -> None:
    """Print one line of progress to stderr. It is not part of the answer, so errors are ignored."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(one_line(text) + "\n")
        sys.stderr.flush()
