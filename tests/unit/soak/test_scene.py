"""What happens to the commands of a contestant, and what is made of what it says."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.soak.contestant import Told
from tests.soak.contestants.remediate import KILLED, Remediate, _playbook, _reasons
from tests.soak.disaster import Reason
from tests.soak.scene import Scene, Trouble
from tests.soak.ssh_all import main as run_all

SLEEPS = [sys.executable, "-c", "import time; time.sleep(30)"]


def scene(directory: Path, trouble: Trouble | None = None) -> Scene:
    return Scene(directory, directory, directory, directory, trouble)


def test_the_first_command_that_acts_is_killed(tmp_path: Path) -> None:
    """At the step that the seed names, with all that it started; only once, and told so."""
    place = scene(tmp_path, Trouble(at=2, strike=None))
    steps = iter(range(99))
    assert place.act(SLEEPS, progress=lambda: next(steps)).killed
    assert next(steps) == 3
    again = place.act([sys.executable, "-c", "print('done')"])
    assert (again.killed, again.code, again.out) == (False, 0, "done\n")


def test_trouble_comes_while_a_command_acts(tmp_path: Path) -> None:
    """Not while one only looks; and not at all if the command ends before."""
    struck: list[str] = []
    place = scene(tmp_path, Trouble(at=1, strike=lambda: struck.append("now")))
    place.run([sys.executable, "-c", ""])
    place.act([sys.executable, "-c", ""], progress=lambda: 0)
    assert (struck, place.trouble and place.trouble.happened) == ([], False)
    place.act([sys.executable, "-c", "import time; time.sleep(0.3)"], progress=lambda: 1)
    assert struck == ["now"]


def test_a_command_that_never_ends_is_ended(tmp_path: Path) -> None:
    """With the time of its contestant; the next one has hardly any."""
    place = scene(tmp_path)
    place.ends_at = 0
    assert "ended from outside" in place.run(SLEEPS).errors


def test_commands_on_many_hosts_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """They run at the same time, and the worst exit code counts."""
    commands = [json.dumps(["true"]), json.dumps(["sh", "-c", "exit 3"])]
    monkeypatch.setattr(sys, "argv", ["ssh_all", *commands])
    assert run_all() == 3


def test_a_reason_names_host_and_word_in_one_line() -> None:
    """In whatever case, with blanks or hyphens; the words of another line do not count."""
    told = Told(acted=False, refused=True, reason="val1: Sign-State-Lost\nval2: stopped")
    assert told.names(Reason("val1", ("sign state",)))
    assert not told.names(Reason("val2", ("sign state",)))
    assert Told(False, True, "app-hash-split: …").names(Reason("", ("app hash",)))


FINDING = {
    "verdict": "local-divergence",
    "explanation": "…",
    "next_step": "mend that; then `remediate plan INC-001`, which leaves the majority alone",
    "playbook": "",
    "subjects": [
        {"name": "val1", "health": "well", "condition": "healthy", "cause": "", "by_hand": ""},
        {"name": "val4", "health": "down", "condition": "diverged", "cause": "c", "by_hand": "b"},
    ],
}


def test_what_is_planned_is_what_the_diagnosis_names() -> None:
    """In its finding, or in its next step; what is well is no reason."""
    document = {"error": None, "result": [{"finding": FINDING}]}
    assert _playbook(document) == "INC-001"
    named = {"error": None, "result": [{"finding": FINDING | {"playbook": "node-down"}}]}
    assert _playbook(named) == "node-down"
    by_hand = {"error": None, "result": [{"finding": FINDING | {"next_step": "mend val4"}}]}
    assert _playbook(by_hand) is None
    assert [line.split(":")[0] for line in _reasons(document)] == ["local-divergence", "val4"]


def test_who_runs_out_of_time_is_not_resumed(tmp_path: Path) -> None:
    """What is ended from outside is not what a disaster kills: nothing is tried again."""
    place = scene(tmp_path, Trouble(at=99, strike=None))
    place.ends_at = 0
    ended = place.act(SLEEPS)
    assert (ended.killed, ended.code == KILLED) == (False, False)
    told = Remediate().rescue(place)
    assert (told.acted, told.refused) == (False, True)


CORRUPT = {"name": "val4", "health": "down", "condition": "database-corrupt", "cause": ""}
WELL = [{"name": n, "health": "well", "condition": "healthy"} for n in ("val1", "full1")]


class Saying(Remediate):
    """Commands answer as given, and what was typed is kept."""

    def __init__(self, directory: Path) -> None:
        self.typed: list[tuple[str, ...]] = []
        self._run = directory / "runs" / "one"

    def _says(self, scene: Scene, *words: str, journal: Path | None = None) -> tuple[int, Any]:
        self.typed.append(words)
        if words[0] == "plan":
            return 3, {"result": {"run": "one"}}
        if words[0] == "apply":
            self._run.mkdir(parents=True)
            (self._run / "journal.jsonl").write_text(f'"done: copied: {"a" * 64}, 12 bytes"')
        return 0, {"result": {"digest": "d"}}


def test_databases_are_brought_from_who_is_missed_least(tmp_path: Path) -> None:
    """A full node, before any validator; the copy is the one that the run names."""
    person = Saying(tmp_path)
    finding = FINDING | {"subjects": [CORRUPT | {"by_hand": "--donor HOST"}, *WELL]}
    document = {"error": None, "result": [{"finding": finding}]}
    assert person._bring(scene(tmp_path), "node-down", document) == ("--data", "a" * 64)
    assert person.typed[0] == ("plan", "node-down", "--donor", "full1")
    assert person.typed[-1] == ("stage", "a" * 64, "--donor", "full1", "--limit", "val4")


def test_a_program_is_brought_where_one_was_sent(tmp_path: Path) -> None:
    """What the diagnosis asks for; without one nothing can be brought."""
    asks = [{"name": "val1", "health": "down", "condition": "panicked", "cause": ""}]
    asks[0]["by_hand"] = "`remediate stage FILE` with a program that gets past this block"
    document = {"error": None, "result": [{"finding": FINDING | {"subjects": asks}}]}
    place = scene(tmp_path)
    assert Saying(tmp_path)._bring(place, "INC-001", document) == ()
    place.program = tmp_path / "program"
    assert Saying(tmp_path)._bring(place, "INC-001", document) == ("--program", "d")
