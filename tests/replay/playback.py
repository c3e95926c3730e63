"""A recorded application, told to the product's own live display as the engine told it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from remediations.cli.live import LiveDisplay
from remediations.plan.plan import Command, Plan, Stage
from remediations.run.records import CommandState, Entry, EntryKind
from remediations.run.snapshot import HostSnapshot, Snapshot
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
        self._running: dict[str, Command] = {}

    def play(self, entries: Sequence[Entry]) -> None:
        """All of them, in order, at the pace of the recording.

        Raises:
            ReplayError: an entry speaks of a stage or command that the plan does not have.
        """
        for before, entry in zip((entries[0], *entries), entries, strict=False):
            time.sleep(min((entry.at - before.at).total_seconds(), self._longest_s))
            self._display.at = entry.at
            self._tell(entry)

    def _tell(self, entry: Entry) -> None:
        if entry.kind is EntryKind.COMMAND_STARTING:
            stage = self._stage_of(entry)
            self._running[entry.host] = _announced(stage, entry)
            self._display.command_is(stage, self._running[entry.host], CommandState.STARTED, "")
        elif entry.kind is EntryKind.COMMAND_ENDED:
            stage = self._stage_of(entry)
            command = self._running.pop(entry.host, None)
            if command is None:
                raise unusable(f"line {entry.number} of the journal ends what did not start")
            self._display.command_is(stage, command, CommandState(entry.state), entry.message)
        elif entry.kind is EntryKind.SAMPLE:
            self._display.sampled(_snapshot(entry))
        elif entry.kind is EntryKind.GATE_ENDED and self._stage is not None:
            gate = self._stage.gate
            seen = entry.message.removeprefix(f"{gate.title}: ")
            self._display.gate_is(gate, open_=entry.state == CommandState.DONE, seen=seen)

    def _stage_of(self, entry: Entry) -> Stage:
        """The entry's stage, which begins with its first entry."""
        stage = next((s for s in self._plan.stages if s.number == entry.stage), None)
        if stage is None:
            raise unusable(f"line {entry.number} of the journal has a stage that the plan has not")
        if stage is not self._stage:
            self._stage = stage
            self._display.stage_began(stage)
        return stage


def _announced(stage: Stage, entry: Entry) -> Command:
    for command in stage.commands:
        if (command.host, command.operation) == (entry.host, entry.message):
            return command
    raise unusable(f"line {entry.number} of the journal has a command that the plan has not")


def _snapshot(entry: Entry) -> Snapshot:
    """The sample as it was shown; whether a node was catching up is not in the journal."""
    return Snapshot(
        hosts=tuple(
            HostSnapshot(host=sample.host, height=sample.height, catching_up=None)
            for sample in entry.heights
        ),
        round=entry.round,
        online_power=entry.online_power,
        total_power=entry.total_power,
    )
