"""Every controller of a run is lost, each right after a record of its journal, until none is left
to write. Where targets keep fences, half of them are frozen, and come back to life while another
bastion goes on.

What acts is not ours to kill here: it needs no controller (`remediations/engine/apply/driver.py`).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from remediations.engine.runs.journal import read_journal
from remediations.engine.runs.records import JournalEntry, Sampled
from remediations.engine.runs.store import RunDirectory
from tests.lab.lab import CHECKOUT

LIMIT_S = 240.0
LOST = "its process was lost"
MOST_DEATHS = 150
"""Of one run, which has fewer than fifty records."""
MOST_ENDS = 4
"""Commands that came to their end by themselves, and did not finish the run."""
TAKES_UP = 3
"""Records of whoever resumes, before the run goes on: that it does, its fence, what holds."""


@dataclass(frozen=True)
class Bastion:
    """Where commands are typed: a state directory, and an environment with the inventory."""

    state: Path
    environment: Mapping[str, str]

    def says(self, *words: str) -> dict[str, Any]:
        """The document of a command."""
        done = subprocess.run(
            [sys.executable, "-m", "remediations", *words, "--json"],
            cwd=CHECKOUT, env=self._environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def typed(self, *words: str) -> subprocess.Popen[str]:
        """A command that is not waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "remediations", *words],
            cwd=CHECKOUT, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def dying(self, fate: str, records: int, *words: str) -> subprocess.Popen[str]:
        """A command with this end, after so many records."""
        with (self.state / "words.txt").open("w") as told:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.lab.mortal", fate, str(records), *words],
                cwd=CHECKOUT, env=self._environment, stdin=subprocess.DEVNULL, stdout=told,
                stderr=told, text=True,
            )  # fmt: skip

    def elsewhere(self, run: str, state: Path) -> Bastion:
        """Another one, with a copy of the run's directory and nothing else."""
        shutil.copytree(self.state / "runs" / run, state / "runs" / run)
        for path in (state, state / "runs"):
            path.chmod(0o700)
        return replace(self, state=state)

    def entries(self, run: str) -> tuple[JournalEntry, ...]:
        """Its journal so far, without the samples, which the clock makes."""
        path = RunDirectory(self.state / "runs" / run).journal
        every = read_journal(path) if path.exists() else ()
        return tuple(entry for entry in every if not isinstance(entry.event, Sampled))

    @property
    def _environment(self) -> dict[str, str]:
        return {**self.environment, "REMEDIATE_HOME": str(self.state)}


@dataclass(frozen=True)
class Losses:
    """After which record each controller was lost, and where the run came to its end."""

    records: tuple[str, ...]
    last: Bastion


def lose_every_controller(
    bastion: Bastion, run: str, directory: Path, *, first: int = 1, fenced: bool = False
) -> Losses:
    """Until the run is verified. `first` is after how many records the first one is lost: what a
    later one finds ended has another record. Where the targets are `fenced`, half of them are
    frozen; elsewhere one that comes back to life goes on, and is the one that does. Further
    bastions are made below `directory`."""
    deaths, ends, lives = list[str](), 0, first
    frozen: subprocess.Popen[str] | None = None
    command: str | None = "apply"
    try:
        while command is not None:
            assert len(deaths) < MOST_DEATHS, deaths
            freezes = fenced and len(deaths) % 4 > 1
            before = _reached(bastion, run)
            process = bastion.dying("STOP" if freezes else "KILL", lives, command, run)
            lived = came_to_its_end(process)
            revive(frozen)
            frozen = None
            if lived:
                ends += 1
                assert ends < MOST_ENDS, (bastion.state / "words.txt").read_text()[-2000:]
            else:
                deaths.append(type(bastion.entries(run)[-1].event).__name__)
                went_on = _reached(bastion, run) > before
                lives = min(lives, TAKES_UP) + 1 if went_on else lives + 1
                if freezes:
                    frozen = process
                    bastion = bastion.elsewhere(run, directory / f"bastion-{len(deaths)}")
            command = _what_is_left(bastion, run)
    finally:
        revive(frozen)
    return Losses(tuple(deaths), bastion)


def _what_is_left(bastion: Bastion, run: str) -> str | None:
    """The command that goes on with it. None: it is verified."""
    said = bastion.says("status", run)["result"]
    state, lost = said["state"], LOST in said["message"]
    if lost or state not in ("verified", "unverified"):
        return "resume"
    return None if state == "verified" else "verify"


def _reached(bastion: Bastion, run: str) -> frozenset[str]:
    """What is in the journal, each thing once: a step that was announced and never started is
    announced again."""
    events = (entry.event for entry in bastion.entries(run))
    return frozenset(
        f"{type(event).__name__} {getattr(event, 'step', '')} {getattr(event, 'stage', '')}"
        for event in events
    )


def came_to_its_end(process: subprocess.Popen[str]) -> bool:
    """Wait until it ended by itself. False: it was killed, or is frozen."""
    end = time.monotonic() + LIMIT_S
    while process.poll() is None:
        assert time.monotonic() < end
        if Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            return False
        time.sleep(0.02)
    return process.returncode >= 0


def revive(frozen: subprocess.Popen[str] | None) -> None:
    """A frozen controller goes on with what it believes, until it ends."""
    if frozen is not None:
        os.kill(frozen.pid, signal.SIGCONT)
        frozen.wait(LIMIT_S)
