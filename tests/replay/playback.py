"""A recorded application, told to the product's own live display as the engine told it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from remediations.cli.live import LiveDisplay
from remediations.engine.apply.look import GateVerdict
from remediations.engine.plan.plan import Plan, Stage, Step
from remediations.engine.runs.records import (
    GateEnded,
    JournalEntry,
    Sampled,
    StepEnded,
    StepStarting,
    StepState,
)
from tests.replay.recording import unusable


class RecordedDisplay(LiveDisplay):
    """The live display, one line for each change, with the time at which it was recorded."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, quiet=False)
        self.at: datetime = plan.observed_at

    def _say(self, text: str) -> None:
        self._console.print(f"{self.at:%H:%M:%S} {text}")


class Playback:
    """Plays the entries of one journal. `longest_s`: what a recorded pause is cut to; 0: none."""

    def __init__(self, plan: Plan, *, longest_s: float) -> None:
        self._plan = plan
        self._longest_s = longest_s
        self._display = RecordedDisplay(plan)
        self._stage: Stage | None = None

    def play(self, entries: Sequence[JournalEntry]) -> None:
        """All of them, in order, at the pace of the recording.

        Raises:
            ReplayError: an entry speaks of a step that the plan does not have.
        """
        for before, entry in zip((entries[0], *entries), entries, strict=False):
            time.sleep(min((entry.at - before.at).total_seconds(), self._longest_s))
            self._display.at = entry.at
            self._tell(entry)

    def _tell(self, entry: JournalEntry) -> None:
        match entry.event:
            case StepStarting(step=id_):
                self._display.step_is(self._step(entry, id_), StepState.STARTED, "")
            case StepEnded(step=id_, state=state, message=message):
                self._display.step_is(self._step(entry, id_), StepState(state), message)
            case Sampled(sight=sight):
                self._display.sampled(sight)
            case GateEnded(state=end, seen=seen) if self._stage is not None:
                verdict = GateVerdict(open=end == "opened", seen=seen)
                self._display.gate_is(self._stage.gate, verdict)

    def _step(self, entry: JournalEntry, id_: str) -> Step:
        """The entry's step; its stage begins with the first of them."""
        step = next((s for s in self._plan.steps if s.id == id_), None)
        if step is None:
            raise unusable(f"line {entry.number} of the journal has a step that the plan has not")
        stage = next(stage for stage in self._plan.stages if step in stage.steps)
        if stage is not self._stage:
            self._stage = stage
            self._display.stage_began(stage)
        return step
