"""Plays a recorded rescue: reading commands are really run, on what was recorded; what acts on
hosts is told from the journal. Every screen is labelled above and below.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from remediations.cli.proof import checks_text
from remediations.engine.approve.approval import consequences_text, statement_text
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.engine.runs.store import RunDirectory
from remediations.errors import ExitCode
from remediations.render.formats import format_moment
from tests.replay.playback import Playback
from tests.replay.recording import (
    AFTER,
    BEFORE,
    INVENTORY,
    OBSERVATION,
    SIGNERS,
    Recording,
    read_recording,
    stale,
)

COMMAND = Path(sys.executable).with_name("remediate")
PAUSE_S = 1.5
LONGEST_S = 2.0
"""What a pause of the recording is cut to."""
TOLD = "   # not run again: told from the record"
REPORT_LINES = 24
"""How much of the report is shown: it repeats the plan with every command."""


class Player:
    """One replay, in a state directory of its own that stays for its report to be read."""

    def __init__(self, recording: Recording, state: Path) -> None:
        self._recording = recording
        self._state = state
        self._console = Console(highlight=False, markup=False)
        self._unhurried = sys.stdout.isatty()
        self._environment = {
            **os.environ,
            "REMEDIATE_HOME": str(state),
            "REMEDIATE_INVENTORY": INVENTORY,
        }

    def play(self) -> None:
        """The whole story.

        Raises:
            ReplayError: this version does not make the recorded plan of the recorded observation.
        """
        recording = self._recording
        for name in (BEFORE, AFTER, INVENTORY, SIGNERS):
            shutil.copy(recording.directory / name, self._state)
        shutil.copy(recording.run.path / OBSERVATION, self._state)
        self._run(
            "What is wrong, and how do we know it?",
            *("diagnose", "--from", BEFORE),
            expected=ExitCode.CHANGES_PENDING,
        )
        self._run(
            "What exactly would be done, and what could go wrong?",
            *("plan", recording.plan.playbook, "--from", OBSERVATION),
            expected=ExitCode.CHANGES_PENDING,
        )
        run = self._continued()
        self._approval()
        self._application()
        self._run("Where the run stands, from its files.", "status", "last", expected=ExitCode.OK)
        self._run(
            "The hosts were read once more after the rescue.",
            *("diagnose", "--from", AFTER),
            expected=ExitCode.OK,
        )
        self._report()
        with self._screen("That was a recording; the report of it is written anew."):
            self._line(f"{figures(run)}; report {run / 'report.html'}")
            self._line(f"(rm -r {self._state} when you have read it)")

    def _continued(self) -> Path:
        """The run that was planned just now becomes the recorded one, if it has the same plan."""
        recorded = self._recording.run.path
        (planned,) = (self._state / "runs").iterdir()
        same_as_recorded(RunDirectory(planned), self._recording.plan)
        run = planned.rename(planned.with_name(recorded.name))
        # Of the plan, only the digest of this version's own files may be another one.
        for name in ("plan.json", "journal.jsonl", "checks*.json"):
            for file in recorded.glob(name):
                shutil.copy(file, run)
        shutil.copytree(recorded / "approvals", run / "approvals")
        with self._screen(
            "The plan made now is the recorded one, but for the program's own files."
        ):
            self._line(f"digest {plan_digest(self._recording.plan)}")
            self._line(f"From here on it is told as run {run.name}.")
        return run

    def _approval(self) -> None:
        approval = self._recording.approval
        with self._screen("A person signs exactly this plan with an SSH key."):
            self._typed("approve", "last", "--yes", "--key", "KEY", note=TOLD)
            self._line(consequences_text(self._recording.plan))
            self._line(statement_text(approval.statement))
            self._line(f"\napproved by {approval.principal} with {approval.key_fingerprint}")
            self._line(f"given {format_moment(approval.given_at)}")

    def _application(self) -> None:
        recording = self._recording
        with self._screen(
            "The facts are read again, then the approved commands run. The checks follow by"
            " themselves."
        ):
            self._typed("apply", "last", note=TOLD)
            playback = Playback(recording.plan, longest_s=LONGEST_S if self._unhurried else 0)
            # A label holds for what is in between: on one stream it cannot get lost.
            with contextlib.redirect_stderr(sys.stdout):
                playback.play(recording.entries)
            sys.stdout.write(checks_text(recording.checks))
            self._line(f"\nVERIFIED: run {recording.run.name}")

    def _report(self) -> None:
        with self._screen("The report tells all of it; here is its beginning."):
            done = self._start("report", "last", stdout=subprocess.PIPE)
            lines = done.stdout.splitlines()
            self._line("\n".join(lines[:REPORT_LINES]))
            self._line(f"… and {max(0, len(lines) - REPORT_LINES)} more lines")
        self._expect("report", done.returncode, ExitCode.OK)

    def _run(self, why: str, *arguments: str, expected: ExitCode) -> None:
        with self._screen(why):
            done = self._start(*arguments)
        self._expect(arguments[0], done.returncode, expected)

    def _start(
        self, *arguments: str, stdout: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the real command, on this terminal unless its output is asked for."""
        self._typed(*arguments)
        return subprocess.run(
            [COMMAND, *arguments],
            env=self._environment,
            cwd=self._state,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _expect(self, command: str, code: int, expected: ExitCode) -> None:
        if code != expected:
            raise stale(f"`remediate {command}` ended with {code}, not {int(expected)}")

    @contextmanager
    def _screen(self, why: str) -> Iterator[None]:
        """What is said in between stands under the label and above it."""
        self._line(f"\n{self._recording.label}", "reverse")
        self._line(why, "bold green")
        yield
        self._line(self._recording.label, "reverse")
        if self._unhurried:
            time.sleep(PAUSE_S)

    def _typed(self, *arguments: str, note: str = "") -> None:
        self._line(f"$ remediate {shlex.join(arguments)}{note}", "bold cyan")

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(text, style=style, soft_wrap=True)


def same_as_recorded(planned: RunDirectory, recorded: Plan) -> None:
    """Do nothing where the run that was planned now has the recorded plan.

    Raises:
        ReplayError: it has another one; names the parts that differ.
    """
    now = planned.plan
    parts = [
        name
        for name in Plan.__struct_fields__
        if name != "origin" and getattr(now, name) != getattr(recorded, name)
    ]
    if parts:
        raise stale(f"a plan with other {', '.join(parts)}")


def figures(run: Path) -> str:
    """How long the outage and the rescue took, from the report of `run`."""
    report: dict[str, str | None] = json.loads((run / "report.json").read_text())
    outage = int(report["outage_ms"] or 0) / 1000
    to_gate = int(report["apply_to_gate_ms"] or 0) / 1000
    return f"outage {outage:.1f} s; from apply to the last gate {to_gate:.1f} s"


def replay(directory: Path) -> None:
    """Play the recording in `directory` on this terminal.

    Raises:
        ReplayError: it is damaged, or stale.
    """
    recording = read_recording(directory)
    state = Path(tempfile.mkdtemp(prefix="remediate-replay-"))
    try:
        Player(recording, state).play()
    except BaseException:
        shutil.rmtree(state, ignore_errors=True)
        raise
